"""Measurements, each against a baseline of the same run; see README.md."""
