"""The tokenizers in plain Python split every text as TensorFlow does."""

import json
import sys
import unicodedata

import pytest
import tensorflow as tf

from keras_textcnn.presets import TOKENIZERS
from keras_textcnn.text.code_points import CodePoints, read_code_points
from keras_textcnn.text.plain_tokenizers import PlainTokenizer
from tests.text.odd_texts import SURROGATES, odd_texts


@pytest.fixture(scope="module")
def points() -> CodePoints:
    return CodePoints.of_json(json.loads(json.dumps(read_code_points().to_json())))


def expected_tokens(name: str, texts: list[str | bytes]) -> list[list[str]]:
    return [[token.decode() for token in row] for row in TOKENIZERS[name].load()(tf.constant(texts)).to_list()]


def in_pieces(tokenizer: PlainTokenizer, text: str) -> list[str]:
    """The tokens of what is between the spaces of a text, one piece after another, where that is allowed."""
    separable = tokenizer.separable(text) if tokenizer.remembers else None
    if separable is None or any(map(tokenizer.leans, separable.split())):
        return tokenizer.split(text)
    return [token for piece in separable.split() for token in tokenizer.split(piece)]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_odd_texts_have_the_tokens_of_tensorflow(name: str, points: CodePoints) -> None:
    tokenizer = PlainTokenizer(name, points)
    texts = list(odd_texts(seed=1, count=3000))
    for text, tokens in zip(texts, expected_tokens(name, texts), strict=True):
        decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
        assert tokenizer.split(decoded) == tokens, ascii(decoded)
        assert in_pieces(tokenizer, decoded) == tokens, ascii(decoded)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_all_code_points_have_the_tokens_of_tensorflow(name: str, points: CodePoints) -> None:
    """A hundred code points in a text, each between letters and after a capital sigma."""
    tokenizer = PlainTokenizer(name, points)
    codes = [code for code in range(0x3400) if code not in SURROGATES] + list(range(0xA000, 0x20000, 7))
    codes = [code for code in codes if code not in SURROGATES]
    texts: list[str | bytes] = [
        "".join(f"a{chr(code)}b ΑΣ{chr(code)} {chr(code)}Σ{chr(code)}Α " for code in codes[begin : begin + 100])
        for begin in range(0, len(codes), 100)
    ]
    for text, tokens in zip(texts, expected_tokens(name, texts), strict=True):
        assert tokenizer.split(str(text)) == tokens


def test_categories_are_those_of_tensorflow_not_of_python(points: CodePoints) -> None:
    letters = {code for begin, end in points.letters for code in range(begin, end + 1)}
    codes = [code for code in range(0x20000) if code not in SURROGATES]
    matches = tf.strings.regex_full_match(tf.constant([chr(code) for code in codes]), r"\p{L}").numpy()
    assert {code for code in letters if code < 0x20000} == {codes[place] for place in matches.nonzero()[0]}
    python = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "L"}
    assert python != letters  # Python has another edition of Unicode


def test_what_python_takes_for_white_space_separates_tokens(points: CodePoints) -> None:
    """Pieces are split with `str.split`, which knows more white space than a plain space."""
    separating = {code for begin, end in (*points.spaces, (0, 0x1F), (0x7F, 0x9F)) for code in range(begin, end + 1)}
    assert {code for code in range(sys.maxunicode + 1) if chr(code).isspace()} <= separating


@pytest.mark.parametrize(
    ("text", "separable"),
    [
        ("a <br\t/>b", "a  b"),
        ("a < b", None),
        ("a ＜b", None),
        ("a <b\u00adr> b", None),
        ("né <BR> à", "né   à"),
    ],
)
def test_texts_that_may_be_split_at_spaces(text: str, separable: str | None, points: CodePoints) -> None:
    assert PlainTokenizer("words", points).separable(text) == separable


@pytest.mark.parametrize(
    "change",
    [
        {"letters": [[5, 2]]},
        {"letters": [[-1, 2]]},
        {"letters": [[0, 0x110000]]},
        {"letters": [[0.5, 1]]},
        {"lower": [[65, "a" * 100]]},
        {"lower": [["A", "a"]]},
        {"classes": [[768, 256]]},
        {"classes": [[768, True]]},
        {"letters": [1]},
        {"more": []},
    ],
    ids=str,
)
def test_damaged_tables_are_refused(change: dict[str, object], points: CodePoints) -> None:
    with pytest.raises((ValueError, TypeError)):
        CodePoints.of_json(points.to_json() | change)


@pytest.mark.parametrize(
    "piece", ["a", "a ", "a.", "1,", "'s", "-", "<br ", "é", "Σ", "i\u0300", "\u0301", "n't", "日"]
)
def test_long_texts_take_linear_time(piece: str, points: CodePoints) -> None:
    """An expression that tries again at each character would take hours for one of these."""
    for name in TOKENIZERS:
        text = piece * (100_000 // len(piece))
        assert len("".join(PlainTokenizer(name, points).split(text))) <= 2 * len(text)
