"""Placeholder until the text branch lands."""

import unicodedata


def fold_label(label: str) -> str:
    """NFKC, without the spaces around it."""
    return unicodedata.normalize("NFKC", label).strip()
