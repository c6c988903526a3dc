"""Scores, what they mean, and how they are shown."""
