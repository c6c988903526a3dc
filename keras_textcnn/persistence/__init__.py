"""The run directory: writing, checking and reading it."""
