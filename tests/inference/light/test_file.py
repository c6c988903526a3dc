"""`model.textcnn` is checked before it is used: a damaged file is refused by name, whatever the damage."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.inference.light import LightPredictor
from keras_textcnn.inference.light.export import export_light
from keras_textcnn.inference.light.file import CHECKSUMS, FORMAT, SPEC
from tests.inference.light.models import LABELS, make_model, make_texts

TEXTS = make_texts(3, seed=8)


@pytest.fixture(scope="module", params=["conv1d, everything", "charcnn, one-hot", "conv2d"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("light") / "model.textcnn"
    export_light(*make_model(request.param), LABELS, path)
    return path


def ask(content: bytes, path: Path) -> np.ndarray | str:
    """The answers of a changed file, or the error that refuses it."""
    path.write_bytes(content)
    try:
        return LightPredictor(path).probabilities(TEXTS)
    except InputError as error:
        return str(error)


def test_flipped_bits_cut_and_moved_bytes(file: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    expected, content = LightPredictor(file).probabilities(TEXTS), file.read_bytes()
    refused = 0
    for _ in range(60):
        place, kind = int(random.integers(len(content))), random.integers(4)
        changed = bytearray(content)
        if kind == 0:
            changed[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            changed = changed[:place]
        elif kind == 2:
            changed[place:place] = bytes(random.integers(0, 256, int(random.integers(1, 9)), np.uint8))
        else:
            del changed[place : place + int(random.integers(1, 9))]
        answers = ask(bytes(changed), path := tmp_path / "changed.textcnn")
        if isinstance(answers, str):
            refused += 1
            assert str(path) in answers
            assert "\n" not in answers
        else:
            np.testing.assert_array_equal(answers, expected)
    assert refused >= 55  # the others changed a date or the like


def entries_of(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_entries(path: Path, entries: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> Path:
    """Writes a file by hand, with checksums that match."""
    sums = {name: hashlib.sha256(entry).hexdigest() for name, entry in entries.items() if name != CHECKSUMS}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, entry in {**entries, CHECKSUMS: json.dumps(sums).encode()}.items():
            archive.writestr(name, entry)
    return path


def npy(array: np.ndarray, **options: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()


def huge(shape: tuple[int, ...]) -> bytes:
    """An array's header that declares more than any memory."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return content.getvalue()


def changed_spec(**changes: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda entries: {SPEC: json.dumps(json.loads(entries[SPEC]) | changes).encode()}


def changed_network(**changes: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def change(entries: dict[str, bytes]) -> dict[str, bytes]:
        spec = json.loads(entries[SPEC])
        return {SPEC: json.dumps(spec | {"network": spec["network"] | changes}).encode()}

    return change


BY_HAND: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "pickled": lambda _: {"logits.kernel.npy": npy(np.array([{}], dtype=object), allow_pickle=True)},
    "huge": lambda _: {"logits.kernel.npy": huge((2**40, 4))},
    "negative": lambda _: {"logits.kernel.npy": huge((-1, 4))},
    "another shape": lambda _: {"logits.bias.npy": npy(np.zeros((5,), np.float32))},
    "no dimension": lambda _: {"logits.kernel.npy": npy(np.float32(1))},
    "NaN": lambda _: {"logits.bias.npy": npy(np.full(4, np.nan, np.float32))},
    "doubles": lambda _: {"logits.bias.npy": npy(np.zeros(4))},
    "more": lambda _: {"more.npy": npy(np.zeros(4, np.float32))},
    "no array": lambda _: {"logits.bias.npy": b"no array"},
    "labels": changed_spec(labels=["a", "b"]),
    "number for a label": changed_spec(labels=["a", "b", "c", 4]),
    "no labels": changed_spec(labels=[]),
    "thresholds": changed_spec(thresholds=[0.5]),
    "words for thresholds": changed_spec(thresholds=["a", "b", "c", "d"]),
    "temperature 0": changed_spec(temperature=0),
    "temperature that float32 takes for 0": changed_spec(temperature=1e-300),
    "temperature beyond float32": changed_spec(temperature=1e300),
    "half of a surrogate pair": lambda entries: {SPEC: entries[SPEC].replace(b'"labels":["a"', b'"labels":["\\udc80"')},
    "no unknown token": lambda _: {"vocabulary.json": b'["[PAD]"]'},
    "no marks": lambda entries: {
        "code_points.json": json.dumps(json.loads(entries["code_points.json"]) | {"classes": []}).encode()
    },
    "many layers": changed_network(layers=[{"kind": "embedding"}, *[{"kind": "normalization"}] * 5000], windows=[]),
    "temperature NaN": changed_spec(temperature=float("nan")),
    "a list for a temperature": changed_spec(temperature=[1]),
    "tokenizer": changed_spec(tokenizer="__class__"),
    "a list for a tokenizer": changed_spec(tokenizer=["words"]),
    "no tokens": changed_spec(maximum_tokens=0),
    "a word for tokens": changed_spec(maximum_tokens="many"),
    "endless": changed_spec(maximum_tokens=2**62, fixed_length=True),
    "a list": lambda _: {SPEC: b"[]"},
    "deep": lambda _: {SPEC: b"[" * 10**5},
    "no spec": lambda _: {SPEC: b"\xff"},
    "format": changed_spec(format=True),
    "format 0": changed_spec(format=0),
    "no network": changed_spec(network=None),
    "hidden": changed_network(hidden=10**9),
    "a negative number of layers": changed_network(hidden=-1),
    "vocabulary": lambda _: {"vocabulary.json": b'["[PAD]", "[UNK]"]'},
    "a number for a token": lambda _: {"vocabulary.json": b"[1]"},
    "code points": lambda _: {"code_points.json": b"{}"},
}


@pytest.mark.parametrize("change", BY_HAND)
def test_files_made_by_hand_are_refused(change: str, file: Path, tmp_path: Path) -> None:
    entries = entries_of(file)
    path = write_entries(tmp_path / "made.textcnn", {**entries, **BY_HAND[change](entries)})
    with pytest.raises(InputError, match=r"^damaged model: .*made\.textcnn \(") as error:
        LightPredictor(path)("é < \U0001f600")
    assert "\n" not in str(error.value)


def test_files_of_a_newer_version_are_refused(file: Path, tmp_path: Path) -> None:
    entries = entries_of(file)
    path = write_entries(tmp_path / "new.textcnn", {**entries, **changed_spec(format=FORMAT + 1)(entries)})
    with pytest.raises(InputError, match=rf"has format {FORMAT + 1}, but this version reads 1 to {FORMAT}; update"):
        LightPredictor(path)


def test_compressed_and_overlapping_entries_are_refused(file: Path, tmp_path: Path) -> None:
    path = write_entries(tmp_path / "packed.textcnn", entries_of(file), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="an entry is compressed"):
        LightPredictor(path)
    with zipfile.ZipFile(tmp_path / "twice.textcnn", "w") as archive:
        archive.writestr(SPEC, b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(SPEC, b"{}")
    with pytest.raises(InputError, match="two entries have one name"):
        LightPredictor(tmp_path / "twice.textcnn")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"no ZIP file" * 100])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.textcnn").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged model: .*other\.textcnn"):
        LightPredictor(tmp_path / "other.textcnn")


def test_encrypted_entries_are_refused(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    first = content.index(b"PK\x01\x02")  # the directory's entry of the first file, whose flags are at byte 8
    content[first + 8] |= 1
    (tmp_path / "locked.textcnn").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged model: .*locked\.textcnn \(.*encrypted"):
        LightPredictor(tmp_path / "locked.textcnn")


def test_layers_for_texts_of_one_length_are_refused_for_others(tmp_path: Path) -> None:
    export_light(*make_model("conv2d"), LABELS, tmp_path / "model.textcnn")
    entries = entries_of(tmp_path / "model.textcnn")
    path = write_entries(tmp_path / "made.textcnn", {**entries, **changed_spec(fixed_length=False)(entries)})
    with pytest.raises(InputError, match="some for texts of one length"):
        LightPredictor(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*nowhere\.textcnn"):
        LightPredictor(tmp_path / "nowhere.textcnn")
    with pytest.raises(InputError, match=r"no such file: .*model\.textcnn"):
        LightPredictor(tmp_path)
    os.mkfifo(tmp_path / "pipe.textcnn")
    with pytest.raises(InputError, match=r"damaged model: .*pipe\.textcnn \(it is no file"):
        LightPredictor(tmp_path / "pipe.textcnn")
    with pytest.raises(InputError, match="a model must be a path; received: int 3"):
        LightPredictor(3)


def test_the_same_model_makes_the_same_bytes(tmp_path: Path) -> None:
    model, vectorizer = make_model("conv1d")
    for name in ("one", "two"):
        export_light(model, vectorizer, LABELS, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
