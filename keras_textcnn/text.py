"""Raw strings to tokens, in TensorFlow string ops, so that training and the exported model share one function.

The words are those of GloVe 6B, which Stanford's tokenizer made: lower case, punctuation apart, contractions split
(`do n't`, `it 's`), hyphenated words, decimal numbers, abbreviations and acronyms whole.
"""

import tensorflow as tf

CONTRACTION = r"n't\b|'(?:s|m|d|ll|re|ve)\b"
ABBREVIATION = r"(?:mr|mrs|ms|dr|st|jr|sr|vs|inc|co|corp|ltd|jan|feb|aug|sept|oct|nov|dec)\."
ACRONYM = r"(?:\p{L}\.){2,}"
NUMBER = r"\p{N}+(?:[.,:]\p{N}+)+"
WORD = r"[\p{L}\p{M}\p{N}]+(?:['-][\p{L}\p{M}\p{N}]+)*"
# RE2 takes the first alternative that matches at the leftmost place, so the order is the precedence. The last one makes
# a token of every other character: punctuation, symbols, emoji.
TOKEN = "|".join([CONTRACTION, ABBREVIATION, ACRONYM, NUMBER, WORD, r"\.{2,}", r"-{2,}", r"\S"])
# Scripts written without spaces: a character is a token.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case tokens.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, tokens), ragged; a text without tokens has an empty row.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.regex_replace(texts, r"(?i:<br\s*/?>)|[\p{Z}\p{Cc}\p{Cf}]+", " ")
    texts = tf.strings.lower(texts, encoding="utf-8")  # it ends a text at a NUL byte: there are none left
    texts = tf.strings.regex_replace(texts, r"[\x{2018}\x{2019}]", "'")  # curly quotes
    texts = tf.strings.regex_replace(texts, r"[\x{201C}\x{201D}]|``|''", '"')
    texts = tf.strings.regex_replace(texts, f"{CONTRACTION}|{UNSPACED}", r" \0 ")
    texts = tf.strings.regex_replace(texts, TOKEN, r" \0 ")
    return tf.strings.split(texts)
