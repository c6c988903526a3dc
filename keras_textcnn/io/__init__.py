"""Reads files, compressed or not and in any encoding, and replaces files safely."""
