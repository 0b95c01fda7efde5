"""Stand-ins for outside services: the real wire protocol, its rules enforced, state on disk."""
