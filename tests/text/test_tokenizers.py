import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas
import pytest
import tensorflow as tf
from nltk.tokenize import TreebankWordTokenizer

from keras_textcnn.errors import InputError
from keras_textcnn.presets import TOKENIZERS
from keras_textcnn.text.tokenizers import in_parts, split_at_spaces, split_characters, tokenize


def tokens_of(text: str | bytes, split: Callable[[tf.Tensor], tf.RaggedTensor] = tokenize) -> list[str]:
    """Tokens in NFC, as they are shown."""
    return [unicodedata.normalize("NFC", token.decode()) for token in split(tf.constant([text]))[0].numpy()]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't; it's HE'LL we've I'm they're she'd", "i do n't ; it 's he 'll we 've i 'm they 're she 'd"),
        ("Can't cannot won't", "ca n't cannot wo n't"),
        ("the dogs' bone, O'Brien o'clock 'tis", "the dogs ' bone , o'brien o'clock ' tis"),
        ("state-of-the-art -- well - done", "state-of-the-art -- well - done"),
        ("$3.50, 1,000 at 10:30 (50%)", "$ 3.50 , 1,000 at 10:30 ( 50 % )"),
        ("The U.S. and Mr. Smith left. Almost.", "the u.s. and mr. smith left . almost ."),
        ("wait... what?!", "wait ... what ? !"),
        ("good<br />bad<BR>ugly", "good bad ugly"),
        ('“It’s” ‘so’ "said"', '" it \'s " \' so \' " said "'),
        ("ÉCOLE ΑΒΓ ПРИВЕТ İ", "école αβγ привет i"),
        ("naïve cafe\N{COMBINING ACUTE ACCENT}s", "naïve cafés"),
        ("我爱电影abc", "我 爱 电 影 abc"),
        ("great😀😀 film👍", "great 😀 😀 film 👍"),
        ("a\u3000b\u2028c\u0085d\u00a0e\x00f\ufeffg\th", "a b c d e f g h"),
        ("(a)[b]{c}/d\\e_f#g@h&i*j", "( a ) [ b ] { c } / d \\ e _ f # g @ h & i * j"),
        ("I ❤️you ❤️", "i ❤ you ❤"),
        ("co\u00adoperate می\u200cخواهم", "cooperate میخواهم"),
        ("Ali'dır she'd've we'd", "ali'dır she 'd 've we 'd"),
        ("a U.S.-led 2.0-litre É.U.", "a u.s.-led 2.0-litre é.u."),
        ("ｶﾞｯﾂ データ か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}", "ガ ッ ツ デ ー タ が"),
        ("ＡＢＣ１２ ﬁn ㎏ №5 x² …", "abc12 fin kg no5 x2 ..."),
        ("donʼt don´t don‛t ‑- a‐b", "do n't do n't do n't -- a-b"),
        ("İSTANBUL I\N{COMBINING DOT BELOW}\N{COMBINING DOT ABOVE}", "istanbul ị"),
        ("𠀀𪜶abc𰀀", "𠀀 𪜶 abc 𰀀"),
        ("ที่กำลัง ຫຼາ ខ្មែរ မြန်မာ", "ที่ กํ า ลั ง ຫຼ า ខ្ មែ រ မြ န် မာ".replace("ຫຼ า", "ຫຼ າ")),
        ("한국어 \u1112\u1161\u11ab", "한국어 한"),
        ("שלום\u200e \u202bمرحبا\u202c", "שלום مرحبا"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_tokens(text: str, tokens: str) -> None:
    assert tokens_of(text) == tokens.split()


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("Don't!", "don't!"),
        ("  a \t b\u3000c\u00a0 ", "a b c"),
        ("one\r\n two<br /><BR>three \n\n four", "one\ntwo\nthree\nfour"),
        ("ÉCOLE ΑΒΓ ПРИВЕТ", "école αβγ привет"),
        ("我爱电影 مرحبا 😀👍", "我爱电影 مرحبا 😀👍"),
        ("\N{FAMILY}\N{VARIATION SELECTOR-16}x\u00ady", "\N{FAMILY}xy"),
        ("a\x00b\x85c", "a b\nc"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_characters(text: str, characters: str) -> None:
    decomposed = unicodedata.normalize("NFD", characters)
    assert [token.decode() for token in split_characters(tf.constant([text]))[0].numpy()] == [*decomposed]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't  go\u00adod. ＡＢＣ é e\u0301 İ", ["Don't", "go\u00adod.", "ＡＢＣ", "é", "e\u0301", "İ"]),
        ("足球 比赛\u3000球员\u2028教练\x85a\x1fb\x00c\td\u00a0e", ["足球", "比赛", "球员", "教练", *"abcde"]),
        ("<br /> '' [UNK] \\n", ["<br", "/>", "''", "[UNK]", "\\n"]),
        ("a\u200bb\ufeff ❤\ufe0f", ["a\u200bb\ufeff", "❤\ufe0f"]),
        (b"a\xff b", ["a\ufffd", "b"]),
        (b"a b\x7fc \x0b", ["a", "b", "c"]),
        ("", []),
        (" \u3000 ", []),
    ],
)
def test_what_spaces_part_stays_as_it_is(text: str | bytes, tokens: list[str]) -> None:
    assert [token.decode() for token in split_at_spaces(tf.constant([text]))[0].numpy()] == tokens


ALIKE = [
    "Tiếng Việt là ngôn ngữ chính thức ở Việt Nam",
    "한국어 문장을 분류한다 ㄱㅏ ㅋㅋ",
    "ﾃﾞｰﾀﾍﾞｰｽのガイド パーティー",
    "ﻣﺮﺣﺒﺎ ﷲ ﻻ",
    "ﬁne oﬀice ﬂow Ŀ ĳ ŉ",
    "ΆΈΉ ΐ ὠδή Ω Å K",
    "ＦＵＬＬ－ｗｉｄｔｈ　１２３％",
    "ἄλφα ĜŜ Ǆ ǆ ⑴ ㈱ ㍿ ℡ ½",
    "e\u0323\u0302 ệ e\u0302\u0323 q\u0307\u0323 q\u0323\u0307",
    "क़ ਲ਼ ৰ ো ெ \u0f43 𑂚",
]


@pytest.mark.parametrize("tokenizer", ["words", "characters"])
@pytest.mark.parametrize("text", ALIKE)
def test_a_text_has_the_same_tokens_in_every_form(text: str, tokenizer: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    rows = TOKENIZERS[tokenizer].load()(tf.constant([text, *forms])).to_list()
    assert rows == [rows[0]] * 5


def test_characters_of_bytes_that_are_not_utf8() -> None:
    rows = split_characters(tf.constant([b"a\xff\xfe", b"b"])).to_list()
    assert rows == [[b"a", "\ufffd".encode(), "\ufffd".encode()], [b"b"]]


def test_bytes_that_are_not_utf8_become_a_token() -> None:
    assert tokens_of(b"good \xff\xfe film") == ["good", "\ufffd", "\ufffd", "film"]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_ascii_reads_as_it_does_in_a_text_that_is_not_all_ascii(tokenizer: str) -> None:
    random = np.random.default_rng(0)
    pieces = [*"abN1 .,-'\"<>/\t\n\x00\x0b`", "n't", "'ll ", "Mr. ", "U.S.", "3.5", "<br />", "<BR>", "''", "--", "..."]
    texts = ["".join(random.choice(pieces, random.integers(0, 25))) for _ in range(3000)]
    alone = TOKENIZERS[tokenizer].load()(tf.constant(texts)).to_list()
    together = TOKENIZERS[tokenizer].load()(tf.constant([f"{text} \N{SNOWMAN}" for text in texts])).to_list()
    for row, longer in zip(alone, together, strict=True):
        assert longer[-1] == "\N{SNOWMAN}".encode()
        assert longer[: len(row)] == row
        assert longer[len(row) : -1] in ([], [b" "], [b"\n"])  # the white space before the snowman


def test_words_in_a_row_are_the_tokens_that_they_are_one_by_one() -> None:
    random = np.random.default_rng(1)
    words = ["well", "it's", "don't", "state-of-the-art", "mr.", "u.s.", "3.5", "a", "end.", "(so)", "我爱", "naïve"]
    chosen = random.choice(words, (200, 9))
    alone = dict(zip(words, tokenize(tf.constant(words)).to_list(), strict=True))
    in_a_row = tokenize(tf.constant([" ".join(row) for row in chosen])).to_list()
    assert in_a_row == [[token for word in row for token in alone[word]] for row in chosen]


@pytest.mark.parametrize("texts", [0, 1, 2, 7])
def test_parts_give_the_rows_in_order(texts: int) -> None:
    batch = tf.constant([f"text number {number}" for number in range(texts)], tf.string)
    assert in_parts(tokenize, batch).to_list() == tokenize(batch).to_list()


def test_no_token_has_a_space_or_an_upper_case_letter() -> None:
    everything = "".join(chr(code) for code in range(1, 0x3000) if unicodedata.category(chr(code)) != "Cn")
    tokens = tokens_of(everything)
    assert len(tokens) > 1000
    assert not [token for token in tokens if not token or any(character.isspace() for character in token)]
    lowered = [token for token in tokens if token != token.lower() and tokens_of(token.lower()) != [token]]
    # ICU may have a newer or older Unicode than Python: a few letters may differ, but not ASCII and large alphabets.
    assert len(lowered) < 20


def treebank(text: str) -> list[str]:
    """NLTK's tokens by our conventions: lower case, one kind of quotation mark."""
    return [re.sub("``|''", '"', token) for token in TreebankWordTokenizer().tokenize(text.lower())]


@pytest.mark.parametrize(
    "text",
    [
        "I didn't say it's bad, they're fine; we'd go (if you'll come).",
        "The 3.5 million-dollar film -- a so-called drama -- earned $1,000 and 20% more.",
        'He said "stop" and she wouldn\'t.',
    ],
)
def test_agrees_with_treebank(text: str) -> None:
    assert tokens_of(text) == treebank(text)


@pytest.mark.network
def test_agreement_with_treebank_on_a_corpus(record_property: Callable[[str, object], None]) -> None:
    """The share of NLTK's tokens in 10,662 sentences that ours finds at the same place in the text."""
    import nltk
    from nltk.corpus import sentence_polarity

    nltk.download("sentence_polarity", quiet=True)
    # Its contractions are whole, as in raw text; only the punctuation has been separated.
    sentences = [line for name in sentence_polarity.fileids() for line in sentence_polarity.raw(name).splitlines()]
    shared = total = 0
    for sentence, row in zip(sentences, tokenize(tf.constant(sentences)).numpy(), strict=True):
        expected = spans(treebank(sentence))
        shared += len(expected & spans([token.decode() for token in row]))
        total += len(expected)
    record_property("agreement", shared / total)
    assert shared / total > 0.99


def spans(tokens: list[str]) -> set[tuple[int, str]]:
    """Tokens with the number of characters before each, not counting spaces."""
    places, place = set(), 0
    for token in tokens:
        places.add((place, token))
        place += len(token)
    return places


def test_lists_series_and_single_texts_are_tokenized_as_tensors_are() -> None:
    texts = ["It's a café.", ""]
    expected = tokenize(tf.constant(texts)).to_list()
    for given in (texts, np.array(texts), pandas.Series(texts, index=[4, 2]), (text.encode() for text in texts)):
        assert tokenize(given).to_list() == expected
    assert tokenize(texts[0]).numpy().tolist() == expected[0]
    assert tokenize("").shape == (0,)
    assert tokenize([]).to_list() == []
    with pytest.raises(InputError, match=r"text 1 \(from 0\) is missing \(None\)"):
        tokenize(["a", None])
