"""The run directory: what is written, checked and read again."""
