"""The API reference, made by pdoc from the docstrings: `python -m tests.reference`."""
