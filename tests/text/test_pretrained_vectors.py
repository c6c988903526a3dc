import gzip
import importlib.resources
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_textcnn.errors import InputError
from keras_textcnn.layers.embedding import set_embedding
from keras_textcnn.models.conv1d import build_conv1d
from keras_textcnn.presets import GLOVE_TABLE, TOKENIZERS
from keras_textcnn.text.make_glove_table import make_table
from keras_textcnn.text.pretrained_vectors import embedding_matrix, measure_coverage, read_vectors

VOCABULARY = ["[PAD]", "[UNK]", "cat", "dog", "n't", "zebra"]


@pytest.fixture
def glove_file(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    path.write_text("cat 1 2 3\nbird 4 5 6\ndog -1 0.5 1e-3\nnot 7 8 9\n", encoding="utf-8")
    return path


def test_reads_the_tokens_of_the_vocabulary(glove_file: Path) -> None:
    vectors = read_vectors(str(glove_file), VOCABULARY, dimensions=3)
    assert {token: vector.tolist() for token, vector in vectors.items()} == {
        "cat": [1, 2, 3],
        "dog": [-1, 0.5, np.float32(1e-3)],
        "not": [7, 8, 9],
    }


NUMBERED = "cat 0.25 2 3\nbird 4 5 6\n3 7 8 9\ndog -1 0.5 1e-3\n"


@pytest.mark.parametrize("ending", [".vec", ".vec.gz"])
@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (NUMBERED, ""),
        (". . 1 2 3\n" + NUMBERED, ""),
        ("at 12 1 2 3\n. . 1 2 3\n" + NUMBERED, ""),
        ("3 7 8 9\n1 7 8 9\n2 7 8 9\n" + NUMBERED.replace("3 7 8 9\n", ""), ""),
        (NUMBERED.replace("\n", "\r\n"), ""),
        ("4 3\r\n" + NUMBERED.replace("\n", " \r\n"), ""),
        ("\ufeff4 3\n" + NUMBERED, ""),
        ("\ufeff" + NUMBERED, ""),
        ("2 3\n" + NUMBERED, ""),
        (NUMBERED.replace(" ", "  "), ""),
        (NUMBERED.replace(" ", "\t"), ""),
        ("\n".join(line.replace(" ", " \t ", 1) for line in NUMBERED.split("\n")), ""),
        ("\n".join(f" {line}" for line in NUMBERED.split("\n")), ""),
        ("\n" + NUMBERED.replace("\n", "\n\n"), ""),
        ("  1 2 3\n" + NUMBERED + " 1 2 3\n\u00a0 1 2 3\n\u3000 1 2 3\n\t1\t2\t3\n", ""),
        (NUMBERED.upper(), ""),
        (NUMBERED.replace("cat", "Cat") + "CAT 9 9 9\n", ""),
        ("CAT 9 9 9\n" + NUMBERED + "Cat 9 9 9\n", ""),
        (
            b"caf\xe9 1 2 3\n\xff 1 2 3\n" + NUMBERED.encode(),
            "words of .* that are not UTF-8 are left out: 2; convert the file",
        ),
    ],
)
def test_reads_files_as_others_write_them(
    content: str | bytes, missing: str, ending: str, tmp_path: Path, logged: list[str]
) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(data) if ending == ".vec.gz" else data)
    expected = {"cat": [0.25, 2, 3], "bird": [4, 5, 6], "3": [7, 8, 9], "dog": [-1, 0.5, np.float32(1e-3)]}
    for more in (0, 50):
        logged.clear()
        found = read_vectors(str(path), ["dog", "3", "cat", "bird"], more=more)
        assert {token: found[token].tolist() for token in expected} == expected
        assert len(logged) == bool(missing)
        assert not missing or re.search(missing, logged[0])


@pytest.mark.parametrize("ending", [".txt", ".bin"])
@pytest.mark.parametrize(
    ("tokenizer", "rows", "wanted", "more", "expected"),
    [
        ("words", ["Paris", "paris", "PARIS"], ["paris"], 0, {"paris": 1}),
        ("words", ["PARIS", "Paris"], ["paris"], 0, {"paris": 0}),
        ("words", ["Paris", "London", "paris"], [], 9, {"paris": 2, "london": 1}),
        ("words", ["Café", "CAFÉ", "café"], ["cafe\u0301"], 0, {"cafe\u0301": 2}),
        ("words", ["Café", "cafe\u0301", "café"], ["cafe\u0301"], 0, {"cafe\u0301": 1}),
        ("words", ["Café", "caf\u00e9", "ﬁn"], [], 9, {"cafe\u0301": 1, "fin": 2}),
        ("words", ["İstanbul", "don’t", "o’clock", "DON'T"], ["n't"], 9, {"istanbul": 0, "o'clock": 2}),
        (
            "words",
            ["ｶﾞ", "か\u3099", "我爱", "我", "한국어", "กำ", "กิ"],
            [],
            9,
            {"カ\u3099": 0, "か\u3099": 1, "我": 3, "한국어": 4, "กิ": 6},
        ),
        ("words", ["a b", "New_York", "e-mail", "U.S.", "3.5", "!", "x"], [], 1, {"e-mail": 2}),
        ("words", ["cat", "Dog", "gnu"], ["cat"], 9, {"cat": 0, "gnu": 2}),
        ("spaces", ["Paris", "paris", "ＡＢ"], ["paris", "PARIS", "AB"], 0, {"paris": 1, "PARIS": 0, "AB": 2}),
        ("spaces", ["cafe\u0301", "Café"], ["café", "Café"], 0, {"café": 0, "Café": 1}),
        ("spaces", ["Paris", "paris", "足球", "U.S.", "a\x85b"], [], 9, {"Paris": 0, "paris": 1, "足球": 2, "U.S.": 3}),
        ("characters", ["é", "ab", "A", "我", "我爱", "a"], ["a"], 9, {"a": 5, "我": 3}),
    ],
)
def test_a_token_takes_the_word_that_it_is_or_one_in_another_form_or_case(
    tokenizer: str, rows: list[str], wanted: list[str], more: int, expected: dict[str, int], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{ending}"
    if ending == ".bin":  # a format in which no word can have a space
        table = [(word.replace(" ", "_"), [number, 0.5]) for number, word in enumerate(rows)]
        path.write_bytes(word2vec_binary(table))
    else:
        path.write_text("".join(f"{word} {number} 0.5\n" for number, word in enumerate(rows)), encoding="utf-8")
    found = read_vectors(str(path), wanted, more=more, tokenizer=tokenizer, unwanted={"dog"})
    assert {token: int(vector[0]) for token, vector in found.items()} == expected
    for token in found:
        assert [row.decode() for row in TOKENIZERS[tokenizer].load()(tf.constant([token]))[0].numpy()] == [
            token
        ] or token == "n't"


def test_words_of_the_package_are_single_tokens() -> None:
    found = read_vectors(GLOVE_TABLE, [], more=30_000)
    assert len(found) > 25_000
    rows = TOKENIZERS["words"].load()(tf.constant(list(found))).to_list()
    assert rows == [[token.encode()] for token in found]


def test_matrix_has_vectors_stand_ins_and_zeros(glove_file: Path) -> None:
    vectors = read_vectors(str(glove_file), VOCABULARY, dimensions=3)
    matrix = embedding_matrix(VOCABULARY, vectors, dimensions=3)
    assert matrix.dtype == np.float32
    expected = [[0, 0, 0], [0, 0, 0], [1, 2, 3], [-1, 0.5, np.float32(1e-3)], [7, 8, 9], [0, 0, 0]]
    np.testing.assert_array_equal(matrix, expected)


def test_a_word_without_a_vector_may_start_from_noise_like_the_vectors() -> None:
    random = np.random.default_rng(0)
    vectors = {f"w{number}": row for number, row in enumerate(random.normal(0.5, [0.1, 1, 3], (500, 3)))}
    vocabulary = ["[PAD]", "[UNK]", "w0", *(f"x{number}" for number in range(2000))]
    matrices = [
        embedding_matrix(vocabulary, vectors, dimensions=3, missing_deviation=deviation, seed=seed)
        for deviation, seed in ((1.0, 0), (1.0, 0), (1.0, 1), (0.5, 0))
    ]
    np.testing.assert_array_equal(matrices[0], matrices[1])
    assert np.any(matrices[0] != matrices[2])
    np.testing.assert_array_equal(matrices[0][:3], [[0] * 3, [0] * 3, vectors["w0"].astype(np.float32)])
    np.testing.assert_allclose(matrices[0][3:].mean(axis=0), 0.5, atol=0.3)
    np.testing.assert_allclose(matrices[0][3:].std(axis=0), [0.1, 1, 3], rtol=0.15)
    np.testing.assert_allclose(matrices[3][3:].std(axis=0), [0.05, 0.5, 1.5], rtol=0.15)


def test_coverage_is_of_the_vocabulary_and_of_the_running_tokens(glove_file: Path) -> None:
    vectors = read_vectors(str(glove_file), VOCABULARY, dimensions=3)
    coverage = measure_coverage({"cat": 5, "zebra": 3, "n't": 2, "gnu": 1}, 20, vectors, added=7)
    assert (coverage.vocabulary, coverage.running_tokens, coverage.stand_ins) == (2 / 4, 7 / 20, 2 / 20)
    assert coverage.missing == {"zebra": 3, "gnu": 1}
    assert "most frequent without a vector: zebra 3, gnu 1" in str(coverage)
    assert "7 other words of the file are added" in str(coverage)


def test_more_words_of_the_file_come_in_its_order(glove_file: Path) -> None:
    rows = ("Cat", "bird", "dog", "two words", "don't", "3.5", "u.s.", "_", "gnu", "yak")
    glove_file.write_text("".join(f"{word} 1 2 3\n" for word in rows), encoding="utf-8")
    assert list(read_vectors(str(glove_file), ["dog"], more=3)) == ["cat", "bird", "dog", "gnu"]


@pytest.mark.parametrize("content", ["2 3\ncat 1 2 3 \ndog 4 5 6 \n", "cat 1 2 3\n. . cat 7 8 9\ndog 4 5 6"])
def test_reads_a_header_trailing_spaces_and_tokens_with_spaces(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    vectors = read_vectors(str(path), ["cat", "dog", "."], dimensions=3)
    assert {token: vector.tolist() for token, vector in vectors.items()} == {"cat": [1, 2, 3], "dog": [4, 5, 6]}


def word2vec_binary(rows: list[tuple[str, list[float]]], ends: bytes = b"") -> bytes:
    body = b"".join(word.encode() + b" " + np.array(row, "<f4").tobytes() + ends for word, row in rows)
    return f"{len(rows)} {len(rows[0][1])}\n".encode() + body


ROWS = [("the", [1, 2, 3]), ("cat", [0.1, -0.5, 1e-3]), ("New_York", [7, 8, 9]), ("dog", [1e9, 0, -1])]


@pytest.mark.parametrize("ends", [b"", b"\n"])
@pytest.mark.parametrize("chunk", [16, 2**20])
def test_word2vec_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bytes, chunk: int) -> None:
    monkeypatch.setattr("keras_textcnn.text.vector_formats.CHUNK", chunk)
    path = tmp_path / "vectors.bin"
    path.write_bytes(word2vec_binary(ROWS, ends))
    vectors = read_vectors(str(path), ["cat", "dog"])
    assert {word: row.tolist() for word, row in vectors.items()} == {
        word: np.array(row, np.float32).tolist() for word, row in ROWS[1::2]
    }


def test_compressed_files_and_the_member_of_a_zip_are_read_in_place(tmp_path: Path) -> None:
    text = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS)
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "a.vec.gz").write_bytes(gzip.compress(f"4 3\n{text}".encode()))
    (tmp_path / "a.bin.gz").write_bytes(gzip.compress(word2vec_binary(ROWS)))
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("glove.6B.2d.txt", "cat 1 2\n")
        archive.writestr("glove.6B.3d.txt", text)
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("one.txt", text)
    expected = read_vectors(str(tmp_path / "a.txt"), ["cat", "dog"])
    for name, dimensions in (("a.vec.gz", None), ("a.bin.gz", None), ("glove.6B.zip", 3), ("one.zip", None)):
        vectors = read_vectors(str(tmp_path / name), ["cat", "dog"], dimensions=dimensions)
        assert list(vectors) == list(expected) == ["cat", "dog"]
        np.testing.assert_array_equal(list(vectors.values()), list(expected.values()))


def test_names_stand_for_downloaded_files(tmp_path: Path, glove_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_TEXTCNN_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"download it with ./glove_download.sh twitter.27B --dimension 25$"):
        read_vectors("glove.twitter.27B.25d", ["cat"])
    (tmp_path / "vectors").mkdir()
    glove_file.rename(tmp_path / "vectors" / "glove.6B.50d.txt")
    assert read_vectors("glove.6B.50d", ["cat"])["cat"].tolist() == [1, 2, 3]


def test_table_in_the_package_is_small_and_begins_with_gloves_words() -> None:
    folder = importlib.resources.files("keras_textcnn.text")
    words = (folder / f"{GLOVE_TABLE}.txt").read_text("utf-8").split("\n")
    assert len(words) == len(set(words)) == 30_000
    assert sum((folder / f"{GLOVE_TABLE}{suffix}").stat().st_size for suffix in (".txt", ".npy")) < 7e6
    # The line for "the" in GloVe 6B begins like this.
    the = read_vectors(GLOVE_TABLE, ["the"], dimensions=100)["the"]
    np.testing.assert_allclose(the[:4], [-0.038194, -0.24487, 0.72812, -0.39961], rtol=1e-3)


def test_words_near_in_meaning_are_near_in_the_table() -> None:
    words = ["king", "queen", "carrot", "profit", "earnings"]
    vectors = read_vectors(GLOVE_TABLE, words, dimensions=100)
    unit = {word: vectors[word] / np.linalg.norm(vectors[word]) for word in words}
    assert unit["king"] @ unit["queen"] > 0.7 > 0.3 > unit["king"] @ unit["carrot"]
    assert unit["profit"] @ unit["earnings"] > 0.7


def test_table_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_textcnn.text.make_glove_table.WORDS", 2)
    full = tmp_path / "full.txt"
    full.write_text("the 1 2.5\nof 3 4\nrare 5 6\n", encoding="utf-8")
    make_table(full, tmp_path)
    assert (tmp_path / f"{GLOVE_TABLE}.txt").read_text("utf-8").split("\n") == ["the", "of"]
    made = np.load(tmp_path / f"{GLOVE_TABLE}.npy")
    assert made.dtype == np.float16
    assert made.tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cat 1 2\n", "vectors of 2 dimensions for an embedding of 3: .*:1; set --dimensions 2"),
        ("a 1 2 3\ncat 1 2\n", "fewer than 3 numbers: .*:2"),
        ("a 1 2 3\ncat 1 x 3\n", "not a vector: .*:2"),
        ("a 1 2 3\ncat 1 nan 3\n", "NaN or infinite number: .*:2"),
        ("", "empty vectors file"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_vectors(str(path), ["cat", "a"], dimensions=3)


def test_says_that_a_file_is_missing() -> None:
    with pytest.raises(InputError, match="no such vectors file: nowhere.txt"):
        read_vectors("nowhere.txt", ["cat"], dimensions=3)


def test_table_of_another_width_is_refused() -> None:
    with pytest.raises(InputError, match="vectors of 100 dimensions for an embedding of 50"):
        read_vectors(GLOVE_TABLE, ["cat"], dimensions=50)


def test_a_matrix_becomes_the_embedding() -> None:
    model = build_conv1d(vocabulary_size=4, num_classes=2, dimensions=3, windows=(2,), filters=1)
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    set_embedding(model, matrix)
    np.testing.assert_array_equal(model.get_layer("embedding").embeddings, matrix)
    with pytest.raises(ValueError, match=r"shape \(4, 3\). Received: matrix.shape=\(3, 4\)"):
        set_embedding(model, matrix.T)


def test_a_matrix_fills_both_channels() -> None:
    model = build_conv1d(vocabulary_size=4, num_classes=2, dimensions=3, windows=(2,), filters=1, multichannel=True)
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    set_embedding(model, matrix)
    for name in ("embedding", "static_embedding"):
        np.testing.assert_array_equal(model.get_layer(name).embeddings, matrix)
