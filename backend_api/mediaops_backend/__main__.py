"""`python -m mediaops_backend`."""

from mediaops_backend.main import main

main()
