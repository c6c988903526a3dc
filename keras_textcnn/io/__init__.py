"""Files as they are: compressed or not, in any encoding."""
