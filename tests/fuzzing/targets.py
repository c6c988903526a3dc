"""Fuzzing targets for untrusted input, each with seeds: any bytes must give an answer or an `InputError`."""

import functools
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.readers import Reader
from keras_textcnn.data.unlabelled import FORMATS, Texts
from keras_textcnn.errors import InputError
from keras_textcnn.text.pretrained_vectors import read_vectors
from tests.system.malformed_inputs import (
    BINARY,
    CORPORA,
    GOOD,
    LINES,
    PACKED,
    VECTOR_FILES,
    VECTORS,
    in_parquet,
    in_tar,
    in_zip,
)

RUN = Path(__file__).parent.parent / "system" / "formats" / "6"
SLOW = "100 times"  # a file that unpacks to too much wastes a fuzzer's time
LARGEST = 2**16  # bytes of a seed

CORPUS_KINDS = [
    ".csv",
    ".tsv",
    ".jsonl",
    ".json",
    ".parquet",
    ".txt",
    ".zip",
    ".tar",
    ".csv.gz",
    ".csv.xz",
    ".csv.bz2",
    ".csv.zip",
    ".tar.gz",
]
VECTOR_KINDS = [".txt", ".bin", ".txt.gz", ".zip", ".vec", ".bin.gz"]
RUN_FILES = [
    "config.json",
    "vocabulary.txt",
    "labels.txt",
    "weights.weights.h5",
    "manifest.json",
    "repeats.json",
    "checkpoints/conv1d.npz",
]


class Target(NamedTuple):
    """Something to fuzz.

    Attributes:
        run: Takes any bytes; anything it raises is a finding.
        seeds: Returns inputs to begin with.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def _starting_with(choice: int, options: int, content: str | bytes) -> bytes:
    """An input: a byte for the kind of file, a byte for the options, and the content."""
    return bytes([choice, options]) + (content.encode() if isinstance(content, str) else content)[:LARGEST]


def _check_named(path: Path, error: InputError) -> None:
    """Checks that the message names the file."""
    assert str(path) in str(error), error


def read_corpus(data: bytes) -> None:
    """Reads a corpus from a file of any kind, with any options."""
    if len(data) < 2:
        return
    options, dialect = data[1], {}
    if options & 128:
        dialect = {"header": False, "escape": "\\", "skip_unlabelled": True, "any_numbers": True}
    columns = ("1", "2") if options & 128 else ("text,x", "label")
    reader = Reader(
        text_columns=columns[:1] if options & 1 else columns[0].split(",")[:1],
        label_column=columns[1],
        label_columns=columns[1:] if options & 129 == 129 else (),
        **dialect,
        separator=";" if options & 2 else None,
        replace=bool(options & 4),
        encoding=("utf-8", "latin-1", "utf-16", "cp1252")[options >> 3 & 3],
        delimiter=";" if options & 32 else None,
        quoting=not options & 64,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"corpus{CORPUS_KINDS[data[0] % len(CORPUS_KINDS)]}")
        path.write_bytes(data[2:])
        try:
            for record in reader.records(path):
                record.text.encode()
                labels = record.label if isinstance(record.label, tuple) else (record.label,)
                assert all(label and label == label.strip() and label.encode() for label in labels)
        except InputError as error:
            _check_named(path, error)
        config = TrainConfig(text_column=columns[:1], encoding=reader.decoder.encoding, header=not options & 128)
        try:
            texts = Texts(str(path), config, input_format=(None, *FORMATS, None, None)[data[0] >> 5])
            assert all(text.encode() or text == "" for batch in texts.batches() for text in batch)
        except InputError as error:
            _check_named(path, error)


def corpus_seeds() -> list[bytes]:
    """A good file of each kind, and the files of the tests of malformed inputs."""
    good = {
        ".csv": GOOD,
        ".tsv": GOOD.replace(",", "\t"),
        ".jsonl": "\n".join(LINES),
        ".json": "[" + ",\n".join(LINES) + "]",
        ".csv.zip": in_zip({"a.csv": GOOD}),
        ".parquet": in_parquet(text=["a", "b"], label=["x", "y"]),
        ".txt": "__label__earn profits rose\n__label__acq bought\n",
        ".zip": in_zip({"train/x/1.txt": "a", "test/y/2.txt": "b"}),
        ".tar": in_tar("x/1.txt"),
        ".csv.gz": PACKED,
    }
    malformed = (
        (name[name.index(".") :], content) for name, content, says in CORPORA if "." in name and SLOW not in says
    )
    files = [*good.items(), *malformed]
    return [
        _starting_with(CORPUS_KINDS.index(kind), options, content)
        for kind, content in files
        if kind in CORPUS_KINDS
        for options in (0, 2, 128)
    ]


def read_vector_file(data: bytes) -> None:
    """Reads a vectors file of any kind."""
    if len(data) < 2:
        return
    dimensions = (None, 8, 3, 1)[data[1] & 3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"vectors{VECTOR_KINDS[data[0] % len(VECTOR_KINDS)]}")
        path.write_bytes(data[2:])
        try:
            found = read_vectors(str(path), ["the", "of", "apple"], dimensions=dimensions, more=data[1] >> 2)
        except InputError as error:
            _check_named(path, error)
            return
        assert len({vector.shape for vector in found.values()}) <= 1
        assert all(vector.dtype == np.float32 and np.isfinite(vector).all() for vector in found.values())


def vector_seeds() -> list[bytes]:
    """A good file of each kind, and the files of the tests of malformed inputs."""
    files: list[tuple[str, str | bytes]] = [(".txt", VECTORS), (".vec", "3 8\n" + VECTORS), (".bin", BINARY)]
    files += [(".zip", in_zip({"glove.6B.8d.txt": VECTORS}))]
    files += [(name[1:], content) for name, content, says in VECTOR_FILES if SLOW not in says]
    return [
        _starting_with(VECTOR_KINDS.index(kind), options, content)
        for kind, content in files
        if kind in VECTOR_KINDS
        for options in (0, 1, 40)
    ]


@functools.cache
def _room() -> "tempfile.TemporaryDirectory[str]":
    """A folder with a run directory, `run`, which lasts as long as the process."""
    folder = tempfile.TemporaryDirectory()
    shutil.copytree(RUN, Path(folder.name, "run"))
    return folder


def read_run(data: bytes) -> None:
    """Reads a run with one untrusted file, whose manifest either matches that file or is the original one."""
    from keras_textcnn import Run, load_model
    from keras_textcnn.persistence.folder import MANIFEST
    from keras_textcnn.persistence.run import Repeats, find_saved_model
    from keras_textcnn.training.checkpoint import read_checkpoint
    from keras_textcnn.training.fine_tuning import Start

    if len(data) < 2:
        return
    name = RUN_FILES[data[0] % len(RUN_FILES)]
    room = Path(_room().name, "run")
    path = room / name
    kept = path.read_bytes() if path.exists() else None
    manifest = (room / MANIFEST).read_bytes()
    path.parent.mkdir(exist_ok=True)
    try:
        content = data[2:]
        if path.suffix == ".npz" and data[1] & 1:
            content += hashlib.sha256(content).digest()
        path.write_bytes(content)
        if data[1] & 1 and name in json.loads(manifest):
            Run(room).seal(json.loads(manifest))
        for read in (
            lambda: load_model(Start.of(room).run),
            lambda: Repeats(room).there and Repeats(room).config(),
            lambda: find_saved_model(room),
            lambda: read_checkpoint(path, "fit") if path.suffix == ".npz" else None,
        ):
            try:
                read()
            except InputError as error:
                if "--" not in str(error):  # such a message names an option of the settings
                    _check_named(room, error)
    finally:
        path.unlink()
        if kept is not None:
            path.write_bytes(kept)
        if path.parent != room:
            path.parent.rmdir()
        (room / MANIFEST).write_bytes(manifest)


def run_seeds() -> list[bytes]:
    """The run's own files."""
    from keras_textcnn.training.checkpoint import write_checkpoint

    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "latest.npz")
        write_checkpoint(checkpoint, "fit", {"phase": 1}, {"model": [np.ones((2, 3), np.float32)], "best": []})
        for choice, name in enumerate(RUN_FILES):
            path = checkpoint if name.endswith(".npz") else RUN / name
            if path.exists():
                seeds += [_starting_with(choice, resealed, path.read_bytes()) for resealed in (0, 1)]
    return [*seeds, _starting_with(RUN_FILES.index("repeats.json"), 0, (RUN / "config.json").read_bytes())]


@functools.cache
def _predictor() -> "Callable[[list[bytes]], np.ndarray]":
    from keras_textcnn import Predictor

    return Predictor(RUN).probabilities


def ask_model(data: bytes) -> None:
    """Gives the exported model texts of any bytes, up to 1 MB each."""
    texts = [text * (1 << min(text[0] % 20, 18) if text[:1] else 1) for text in data.split(b"\x1e")[:8]]
    texts = [text[: 2**20] for text in texts]
    together = _predictor()(texts)
    assert together.shape == (len(texts), 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together[-1:], _predictor()(texts[-1:]), atol=1e-6)


def text_seeds() -> list[bytes]:
    """Texts of many kinds."""
    texts = [
        "the apple and the plum",
        "",
        "don't it's e.g. <br />U.S.A.",
        "日本語のテキスト",
        "🦊🚀",
        "a\0b",
        "مرحبا",
        "\ufeffx",
        "İı",
    ]
    return [*(text.encode() for text in texts), b"\xff\xfe\x80", b"\x1e".join(text.encode() for text in texts[:8])]


@functools.cache
def _light_entries() -> dict[str, bytes]:
    """The entries of a small `model.textcnn`."""
    from keras_textcnn import export_light
    from tests.inference.light.models import LABELS, make_model

    with tempfile.TemporaryDirectory() as folder:
        export_light(*make_model("conv1d, everything"), LABELS, Path(folder, "model.textcnn"))
        with zipfile.ZipFile(Path(folder, "model.textcnn")) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def read_light(data: bytes) -> None:
    """Opens and asks a `model.textcnn`: any bytes, or a good file, one entry of which is any bytes."""
    from keras_textcnn import LightPredictor

    if not data:
        return
    names = [name for name in _light_entries() if name != "checksums.json"]
    path = Path(_room().name, "model.textcnn")
    if data[0] % (len(names) + 1) == len(names):
        path.write_bytes(data[1:])
    else:
        entries = {**_light_entries(), names[data[0] % (len(names) + 1)]: data[1:]}
        sums = {name: hashlib.sha256(entries[name]).hexdigest() for name in names}
        with zipfile.ZipFile(path, "w") as archive:
            for name, entry in {**entries, "checksums.json": json.dumps(sums).encode()}.items():
                archive.writestr(name, entry)
    try:
        predictor = LightPredictor(path, fast=False)
        answers = predictor.probabilities(["w1 w2 <br> é", "😀 " * 300])
        predictor.explain("w1 w2")
        assert answers.shape == (2, len(predictor.labels))
    except InputError as error:
        _check_named(path, error)


def light_seeds() -> list[bytes]:
    """Each entry of a good file, and the whole of a bad one."""
    names = [name for name in _light_entries() if name != "checksums.json"]
    seeds = [bytes([choice]) + _light_entries()[name] for choice, name in enumerate(names)]
    return [*(seed for seed in seeds if len(seed) <= LARGEST), bytes([len(names)]) + in_zip({"spec.json": b"{}"})]


TARGETS = {
    "corpus": Target(read_corpus, corpus_seeds),
    "vectors": Target(read_vector_file, vector_seeds),
    "run": Target(read_run, run_seeds),
    "texts": Target(ask_model, text_seeds),
    "light": Target(read_light, light_seeds),
}
