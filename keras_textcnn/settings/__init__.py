"""The settings of a run, one group a file: what each means, its default, and the values that it may have."""
