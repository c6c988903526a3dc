"""From a corpus to a finished run."""
