"""What the commands share: arguments, exit codes, one-line errors, progress bars."""
