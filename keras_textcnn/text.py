"""Raw strings to tokens, words or characters, in TensorFlow string ops: training and the exported model share them.

The words are those of GloVe 6B, which Stanford's tokenizer made: lower case, punctuation apart, contractions split
(`do n't`, `it 's`), hyphenated words, decimal numbers, abbreviations and acronyms whole.
"""

import itertools
from collections.abc import Callable

import tensorflow as tf

CONTRACTION = r"n't|'(?:s|m|d|ll|re|ve)"
AFTER_WORD = r"[^\p{L}\p{M}\p{N}]|$"  # RE2 has no look-ahead, and its \b knows ASCII words only
ABBREVIATION = r"(?:mr|mrs|ms|dr|st|jr|sr|vs|inc|co|corp|ltd|jan|feb|aug|sept|oct|nov|dec)\."
PART = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*"
WORD = rf"{PART}(?:['-]{PART})*"
ACRONYM = rf"(?:\p{{L}}\.){{2,}}(?:-{PART})*"
NUMBER = rf"\p{{N}}+(?:[.,:]\p{{N}}+)+(?:-{PART})*"
WORDS = rf"(?:{PART} +)+"  # whole stretches of words are one match, not one each: most of a text, ten times as fast
# RE2 takes the first alternative that matches at the leftmost place, so the order is the precedence. The last one makes
# a token of every other character: punctuation, symbols, emoji.
TOKEN = "|".join([WORDS, rf"(?:{CONTRACTION})\b", ABBREVIATION, ACRONYM, NUMBER, WORD, r"\.{2,}", r"-{2,}", r"\S"])
# Scripts written without spaces: a character is a token.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"

ASCII = r"[\x00-\x7f]*"
INVISIBLE = r"[\x{00AD}\x{200C}\x{200D}\x{2060}\x{FE00}-\x{FE0F}]"  # soft hyphens, joiners, variation selectors
LINE_END = r"(?i:<br\s*/?>)|[\n\r\x{0085}\x{2028}\x{2029}]"


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case tokens.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, tokens), ragged; a text without tokens has an empty row.
    """
    texts = _except_ascii(_fold, texts)
    texts = tf.strings.lower(tf.strings.regex_replace(texts, r"[\x00-\x1f\x7f]", " "))
    texts = tf.strings.regex_replace(texts, r"<br */?>", " ")
    texts = tf.strings.regex_replace(texts, r"``|''", '"')
    texts = tf.strings.regex_replace(texts, f"({CONTRACTION})({AFTER_WORD})|({UNSPACED})", r" \1\3 \2")
    texts = tf.strings.regex_replace(texts, TOKEN, r" \0 ")
    return tf.strings.split(texts)


def _fold(texts: tf.Tensor) -> tf.Tensor:
    """What ASCII has no need of: valid UTF-8, nothing invisible, plain spaces and quotes, lower case."""
    texts = _valid(texts)
    texts = tf.strings.regex_replace(texts, r"[\p{Z}\p{Cc}\p{Cf}]+", " ")
    texts = tf.strings.lower(texts, encoding="utf-8")  # it ends a text at a NUL byte: there are none left
    texts = tf.strings.regex_replace(texts, r"[\x{2018}\x{2019}]", "'")
    return tf.strings.regex_replace(texts, r"[\x{201C}\x{201D}]", '"')


def _valid(texts: tf.Tensor) -> tf.Tensor:
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    return tf.strings.regex_replace(texts, INVISIBLE, "")  # they are no letters and end no word


def _except_ascii(change: Callable[[tf.Tensor], tf.Tensor], texts: tf.Tensor) -> tf.Tensor:
    """Changes only the texts that are not all ASCII, in an English corpus a few: it is the slow part of the work."""
    others = tf.where(~tf.strings.regex_full_match(texts, ASCII))
    return tf.tensor_scatter_nd_update(texts, others, change(tf.gather_nd(texts, others)))


def split_characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case characters; a run of white space is one space, or one line end if it has one.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, characters), ragged; a text of nothing but white space has an empty row.
    """
    texts = _except_ascii(_valid, texts)
    texts = tf.strings.regex_replace(texts, LINE_END, "\n")
    texts = tf.strings.regex_replace(texts, r"[\p{Z}\p{Cf}\x00-\x09\x0b-\x1f\x7f-\x{9f}]+", " ")
    texts = tf.strings.regex_replace(texts, r" *\n[ \n]*", "\n")
    texts = tf.strings.lower(tf.strings.strip(texts), encoding="utf-8")
    return tf.strings.unicode_split(texts, "UTF-8")


UNITS = {"word": tokenize, "character": split_characters}
PARTS = 2


def in_parts(encode: Callable[[tf.Tensor], tf.RaggedTensor], texts: tf.Tensor) -> tf.RaggedTensor:
    """Encodes a batch in parts that run side by side in a graph: a string op takes one core, however large the batch.

    Args:
        encode: From texts, string (batch,), to rows, ragged.
        texts: string (batch,).

    Returns:
        The rows, ragged, in the order of the texts.
    """
    bounds = [tf.size(texts) * part // PARTS for part in range(PARTS + 1)]
    return tf.concat([encode(texts[begin:end]) for begin, end in itertools.pairwise(bounds)], axis=0)
