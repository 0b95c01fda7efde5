"""The operations image: runs what mediaops.operations planned."""
