"""Answers for more texts than one process should label: Ray Data and Spark."""
