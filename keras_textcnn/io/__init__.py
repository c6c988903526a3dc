"""Files: compressed or not, in any encoding, and safe to replace."""
