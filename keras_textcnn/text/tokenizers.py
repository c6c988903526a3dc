"""Splits raw strings into words or characters with TensorFlow string ops, shared by training and the exported model.

The words are those of GloVe 6B, which was made with Stanford's tokenizer: lower case, punctuation separate,
contractions split (`do n't`, `it 's`), hyphenated words, decimal numbers, abbreviations and acronyms whole.
"""

import functools
import itertools
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from keras_textcnn.text import folding
from keras_textcnn.text.folding import CodeTable, re2_class
from keras_textcnn.text.plain_tokenizers import ABBREVIATION, CONTRACTION
from keras_textcnn.utils.inputs import as_texts

AFTER_WORD = r"[^\p{L}\p{M}\p{N}]|$"  # RE2 has no look-ahead, and its \b knows ASCII words only
PART = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*"
WORD = rf"{PART}(?:['-]{PART})*"
ACRONYM = rf"(?:\p{{L}}\p{{M}}*\.){{2,}}(?:-{PART})*"
NUMBER = rf"\p{{N}}+(?:[.,:]\p{{N}}+)+(?:-{PART})*"
STRETCH = rf"(?:{PART} +)+"  # one match for a whole stretch of words, which is most of a text: ten times as fast
# RE2 takes the first alternative that matches at the leftmost place, so the order is the precedence. The last one makes
# every other character a token: punctuation, symbols, emoji.
TOKEN = "|".join([STRETCH, rf"(?:{CONTRACTION})\b", ABBREVIATION, ACRONYM, NUMBER, WORD, r"\.{2,}", r"-{2,}", r"\S"])
# In scripts written without spaces, a character with its marks is a token.
UNSPACED = rf"[{re2_class(folding.UNSPACED)}]\p{{M}}*"

ASCII = r"[\x00-\x7f]*"
INVISIBLE = f"[{re2_class(folding.INVISIBLE)}]+"
DOTTED_I = r"(i[\x{0300}-\x{036F}]*?)\x{0307}"  # what is left of a Turkish İ in lower case
# Korean's conjoining letters: the first of each kind, how many there are, and the first syllable.
LEADING, VOWEL, TRAILING = (0x1100, 19), (0x1161, 21), (0x11A8, 27)
SYLLABLE = 0xAC00, LEADING[1] * VOWEL[1] * (TRAILING[1] + 1)
LINE_END = r"(?i:<br\s*/?>)|[\n\r\x{0085}\x{2028}\x{2029}]"


def tokenize(texts: tf.Tensor | Iterable[str] | str) -> tf.RaggedTensor | tf.Tensor:
    """Splits texts into lower-case tokens.

    Args:
        texts: string (batch,), or a list, NumPy array or pandas Series of texts; bytes that are not UTF-8 count as
            U+FFFD. Or one text.

    Returns:
        string (batch, tokens), ragged; a text without tokens has an empty row. For one text: string (tokens,).

    Example:
        keras_textcnn.tokenize(["It's a good film.", "don't!"]).to_list()
    """
    if isinstance(texts, str | bytes):
        return tokenize([texts])[0]
    if not tf.is_tensor(texts):
        texts = tf.constant(as_texts(texts), tf.string)
    texts = _except_ascii(_fold, texts)
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"[\x00-\x1f\x7f]", " "))
    texts = tf.strings.regex_replace(texts, r"<br */?>", " ")
    texts = tf.strings.regex_replace(texts, r"``|''", '"')
    texts = tf.strings.regex_replace(texts, f"({CONTRACTION})({AFTER_WORD})|({UNSPACED})", r" \1\3 \2")
    texts = tf.strings.regex_replace(texts, TOKEN, r" \0 ")
    return tf.strings.split(texts)


def _fold(texts: tf.Tensor) -> tf.Tensor:
    """Steps that ASCII does not need: one form for look-alikes, plain spaces, lower case."""
    return _lower(tf.strings.regex_replace(_visible(texts), r"[\p{Z}\p{Cc}\p{Cf}]+", " "))


def _visible(texts: tf.Tensor) -> tf.Tensor:
    return decompose(tf.strings.regex_replace(_valid(texts), INVISIBLE, ""))


def _valid(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")


def _lower(texts: tf.Tensor) -> tf.Tensor:
    texts = tf.strings.lower(texts, encoding="utf-8")  # it ends a text at a NUL byte, so none may be left
    return tf.strings.regex_replace(texts, DOTTED_I, r"\1")


def _except_ascii(change: Callable[[tf.Tensor], tf.Tensor], texts: tf.Tensor) -> tf.Tensor:
    """Changes only texts that are not all ASCII, because this is slow; in an English corpus, they are few."""
    others = tf.where(~tf.strings.regex_full_match(texts, ASCII))

    def changed() -> tf.Tensor:
        return tf.tensor_scatter_nd_update(texts, others, change(tf.gather_nd(texts, others)))

    return tf.cond(tf.size(others) > 0, changed, lambda: tf.identity(texts))


@functools.cache  # one function in the graph, and so one copy of its tables, for all callers
def _decompose() -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(_decomposed, input_signature=[tf.TensorSpec([None], tf.string)])


def decompose(texts: tf.Tensor) -> tf.Tensor:
    """Gives texts that look the same the same code points: `folding.fold` in the graph.

    This is Unicode's NFKD, but with plain quotes and hyphens for their look-alikes, and with whole Korean syllables.

    Args:
        texts: string (batch,), UTF-8.

    Returns:
        string (batch,).
    """
    return _decompose()(texts)


def _decomposed(texts: tf.Tensor) -> tf.Tensor:
    table = folding.decompositions()
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    rows = _look_up(table.rows, codes.flat_values)
    lengths = _gather(table.lengths, rows)
    ends = tf.concat([[0], tf.cumsum(lengths)], axis=0)  # where the code points of each character will be
    splits = tf.gather(ends, codes.row_splits)
    places = tf.range(ends[-1]) - tf.repeat(ends[:-1] - _gather(table.starts, rows), lengths)
    kept = tf.repeat(tf.where(rows == 0, codes.flat_values, -1), lengths)
    flat = tf.where(kept >= 0, kept, _gather(table.values, tf.where(kept >= 0, 0, places)))
    texts_of = tf.RaggedTensor.from_row_splits(flat, tf.cast(splits, tf.int64), validate=False).value_rowids()
    flat = _in_order(flat, texts_of, _look_up(table.classes, flat))
    flat, kept = _whole_syllables(flat, texts_of)
    lengths = tf.math.unsorted_segment_sum(tf.cast(kept, tf.int64), texts_of, codes.nrows())
    rows = tf.RaggedTensor.from_row_lengths(tf.boolean_mask(flat, kept), lengths, validate=False)
    return tf.strings.regex_replace(tf.strings.unicode_encode(rows, "UTF-8"), *folding.ACUTE)


def _look_up(table: CodeTable, codes: tf.Tensor) -> tf.Tensor:
    pages = _gather(table.pages, codes // folding.PAGE)
    return _gather(table.entries, pages * folding.PAGE + codes % folding.PAGE)


def _gather(numbers: np.ndarray, places: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.gather(tf.constant(numbers), places), tf.int32)


def _in_order(codes: tf.Tensor, texts_of: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    """Sorts the marks after each base character by their combining classes; equal ones keep their order."""
    begins = (classes == 0) | (texts_of != _moved(texts_of, -1))
    groups = tf.cumsum(tf.cast(begins, tf.int32))
    marks = tf.where(classes > 0)[:, 0]
    order = tf.argsort(tf.gather(groups, marks) * 256 + tf.gather(classes, marks), stable=True)
    return tf.tensor_scatter_nd_update(codes, marks[:, None], tf.gather(codes, tf.gather(marks, order)))


def _moved(values: tf.Tensor, by: int) -> tf.Tensor:
    """The values `by` places further on; -1 where there is none."""
    missing = tf.fill([tf.minimum(abs(by), tf.size(values))], tf.cast(-1, values.dtype))
    return tf.concat([values[by:], missing] if by > 0 else [missing, values[:by]], axis=0)


def _whole_syllables(codes: tf.Tensor, texts_of: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Joins Korean letters into syllables, in the place of the first letter; also returns which code points to keep."""

    def in_text(values: tf.Tensor, by: int) -> tf.Tensor:
        return tf.where(texts_of == _moved(texts_of, by), _moved(values, by), -1)

    def numbered(kind: tuple[int, int]) -> tf.Tensor:
        return tf.where((codes >= kind[0]) & (codes < kind[0] + kind[1]), codes - kind[0], -1)

    vowels = in_text(numbered(VOWEL), 1)
    leads = (numbered(LEADING) >= 0) & (vowels >= 0)
    syllables = numbered(SYLLABLE)
    open_ones = (syllables >= 0) & (syllables % (TRAILING[1] + 1) == 0)
    letters = numbered(TRAILING)
    trailing = tf.where(leads, in_text(letters, 2), tf.where(open_ones, in_text(letters, 1), -1)) + 1
    made = SYLLABLE[0] + (numbered(LEADING) * VOWEL[1] + vowels) * (TRAILING[1] + 1)
    whole = tf.where(leads, made, codes) + trailing
    sizes = 1 + tf.cast(leads, tf.int32) + tf.cast(trailing > 0, tf.int32)
    taken = (in_text(sizes, -1) >= 2) | (in_text(sizes, -2) >= 3)
    return whole, ~taken


def split_characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case characters; white space in a row becomes one space, or one line end if it has one.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, characters), ragged; a text of only white space has an empty row.
    """
    texts = _except_ascii(lambda others: _lower(tf.strings.regex_replace(_visible(others), r"\x00", " ")), texts)
    texts = tf.strings.lower(texts)
    texts = tf.strings.regex_replace(texts, LINE_END, "\n")
    texts = tf.strings.regex_replace(texts, r"[\p{Z}\p{Cf}\x00-\x09\x0b-\x1f\x7f-\x{9f}]+", " ")
    texts = tf.strings.regex_replace(texts, r" *\n[ \n]*", "\n")
    return tf.strings.unicode_split(tf.strings.strip(texts), "UTF-8")


def split_at_spaces(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts at white space, including Unicode's spaces and control characters, and changes nothing else.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, tokens), ragged; a text of only white space has an empty row.
    """
    texts = _except_ascii(lambda others: tf.strings.regex_replace(_valid(others), r"[\p{Z}\p{Cc}]+", " "), texts)
    return tf.strings.split(tf.strings.regex_replace(texts, r"[\x00-\x1f\x7f]+", " "))


PARTS = 2


def in_parts(encode: Callable[[tf.Tensor], tf.RaggedTensor], texts: tf.Tensor) -> tf.RaggedTensor:
    """Encodes a batch in parts that run in parallel in a graph: a string op uses one core, however large the batch.

    Args:
        encode: From texts, string (batch,), to ragged rows.
        texts: string (batch,).

    Returns:
        The ragged rows, in the order of the texts.
    """
    bounds = [tf.size(texts) * part // PARTS for part in range(PARTS + 1)]
    return tf.concat([encode(texts[begin:end]) for begin, end in itertools.pairwise(bounds)], axis=0)
