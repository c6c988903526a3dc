"""A search for settings in a time budget, on Optuna."""
