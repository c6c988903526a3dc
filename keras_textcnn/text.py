"""Raw strings to tokens, words or characters, in TensorFlow string ops: training and the exported model share them.

The words are those of GloVe 6B, which Stanford's tokenizer made: lower case, punctuation apart, contractions split
(`do n't`, `it 's`), hyphenated words, decimal numbers, abbreviations and acronyms whole.
"""

import tensorflow as tf

CONTRACTION = r"n't|'(?:s|m|d|ll|re|ve)"
AFTER_WORD = r"[^\p{L}\p{M}\p{N}]|$"  # RE2 has no look-ahead, and its \b knows ASCII words only
ABBREVIATION = r"(?:mr|mrs|ms|dr|st|jr|sr|vs|inc|co|corp|ltd|jan|feb|aug|sept|oct|nov|dec)\."
PART = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*"
WORD = rf"{PART}(?:['-]{PART})*"
ACRONYM = rf"(?:\p{{L}}\.){{2,}}(?:-{PART})*"
NUMBER = rf"\p{{N}}+(?:[.,:]\p{{N}}+)+(?:-{PART})*"
# RE2 takes the first alternative that matches at the leftmost place, so the order is the precedence. The last one makes
# a token of every other character: punctuation, symbols, emoji.
TOKEN = "|".join([rf"(?:{CONTRACTION})\b", ABBREVIATION, ACRONYM, NUMBER, WORD, r"\.{2,}", r"-{2,}", r"\S"])
# Scripts written without spaces: a character is a token.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


INVISIBLE = r"[\x{00AD}\x{200C}\x{200D}\x{2060}\x{FE00}-\x{FE0F}]"  # soft hyphens, joiners, variation selectors
LINE_END = r"(?i:<br\s*/?>)|[\n\r\x{0085}\x{2028}\x{2029}]"


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case tokens.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, tokens), ragged; a text without tokens has an empty row.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.regex_replace(texts, INVISIBLE, "")  # they are no letters and end no word
    texts = tf.strings.regex_replace(texts, r"(?i:<br\s*/?>)|[\p{Z}\p{Cc}\p{Cf}]+", " ")
    texts = tf.strings.lower(texts, encoding="utf-8")  # it ends a text at a NUL byte: there are none left
    texts = tf.strings.regex_replace(texts, r"[\x{2018}\x{2019}]", "'")  # curly quotes
    texts = tf.strings.regex_replace(texts, r"[\x{201C}\x{201D}]|``|''", '"')
    texts = tf.strings.regex_replace(texts, f"({CONTRACTION})({AFTER_WORD})|({UNSPACED})", r" \1\3 \2")
    texts = tf.strings.regex_replace(texts, TOKEN, r" \0 ")
    return tf.strings.split(texts)


def split_characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case characters; a run of white space is one space, or one line end if it has one.

    Args:
        texts: string (batch,); bytes that are not UTF-8 count as U+FFFD.

    Returns:
        string (batch, characters), ragged; a text of nothing but white space has an empty row.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.regex_replace(texts, INVISIBLE, "")
    texts = tf.strings.regex_replace(texts, LINE_END, "\n")
    texts = tf.strings.regex_replace(texts, r"[\p{Z}\p{Cf}\x00-\x09\x0b-\x1f\x7f-\x{9f}]+", " ")
    texts = tf.strings.regex_replace(texts, r" *\n[ \n]*", "\n")
    texts = tf.strings.lower(tf.strings.strip(texts), encoding="utf-8")
    return tf.strings.unicode_split(texts, "UTF-8")


UNITS = {"word": tokenize, "character": split_characters}
