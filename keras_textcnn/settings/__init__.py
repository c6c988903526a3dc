"""The settings of a run, one file per group: what each means, its default, and its allowed values."""
