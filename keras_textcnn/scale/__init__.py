"""Beyond one machine and one training: search in a time budget."""
