"""Random texts of what tokenizers stumble over: marks, joiners, look-alikes, line ends, bytes that are not UTF-8."""

import random
import unicodedata
from collections.abc import Iterator

SURROGATES = range(0xD800, 0xE000)
ODD = [
    *" \t\n\r\x0b\x0c\x00\x1c\x85\xa0\u3000\u200b\u200d\xad\ufe0f'’`´-‐<>/.,:;≮＜",
    *"\u0300\u0301\u0307\u0323\u0338\u0345İIıiΣσςΑαK\u1e9eßÅﬁ①²½…¨",
    *"\u1100\u1161\u11a8\u11c3가각한",
    *("<br />", "<BR\t/>", "<br", "<b\u00adr>", "＜br＞", "n't", "'s", "’S", "u.s.", "É.U.", "mr.", "``", "''", "1.5"),
    *("...", "--", "do n't", "don't", "ΑΣ", "ΣΑ", "Σ\u0301", "한국어", "日本語", "ภาษาไทย", "ด้", "ကို", "👩‍👩‍👧", "𠀀"),
]


def odd_texts(seed: int, count: int) -> Iterator[str | bytes]:
    """Texts, a sixth of them bytes with something that is not UTF-8."""
    chance = random.Random(seed)
    assigned = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    for number in range(count):
        text = _text(chance, assigned)
        if number % 6:
            yield text
        else:
            broken = bytes(chance.randrange(128, 256) for _ in range(chance.randrange(4)))
            yield (
                text.encode()[chance.randrange(3) :]
                + broken
                + _text(chance, assigned).encode()[: -chance.randrange(1, 4)]
            )


def _text(chance: random.Random, assigned: list[str]) -> str:
    return "".join(_piece(chance, assigned) for _ in range(chance.choice([0, 1, 2, 3, 5, 8, 13, 30])))


def _piece(chance: random.Random, assigned: list[str]) -> str:
    kind = chance.random()
    if kind < 0.6:
        return chance.choice(ODD)
    if kind < 0.8:
        return chance.choice(assigned)
    if kind < 0.98:
        return chr(chance.randrange(32, 127))
    code = chance.randrange(0x110000)
    return " " if code in SURROGATES else chr(code)
