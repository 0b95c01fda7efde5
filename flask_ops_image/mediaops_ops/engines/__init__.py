"""Who listens and who writes: each engine is one module, and imports its libraries only when it is asked."""
