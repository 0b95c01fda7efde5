"""The two resources, the REST bodies, and what travels between operator, pods and backend."""
