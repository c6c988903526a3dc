"""Recipes: the settings of papers, tutorials and our own, by name."""
