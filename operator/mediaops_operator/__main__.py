"""`python -m mediaops_operator` is `mediaops-operator`."""

from mediaops_operator.main import main

main()
