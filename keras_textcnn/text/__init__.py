"""Tokens, ids and pretrained vectors."""
