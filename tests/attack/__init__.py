"""Attacks on runs of the command line, longer than tests: `python -m tests.attack [SIZE]`."""
