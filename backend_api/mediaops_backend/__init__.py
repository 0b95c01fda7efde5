"""The backend: REST, signed URLs, claims and callbacks."""
