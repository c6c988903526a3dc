"""Files that are not text are named by what they are."""

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import matplotlib.figure
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from keras_textcnn.io.signatures import FIRST_BYTES, describe_binary


def write_names(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "<x/>")


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "the apple")


def write_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table texts (text, label)")
    connection.commit()
    connection.close()


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["vectors"] = np.eye(3)


def write_tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())


def write_image(format: str) -> Callable[[Path], object]:
    return lambda path: matplotlib.figure.Figure((1, 1)).savefig(path, format=format)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda path: np.save(path, np.eye(3)), "a NumPy array"),
        (lambda path: np.savez(path, np.eye(3)), "a zip archive, such as a NumPy .npz file"),
        (write_zip, "a zip archive, such as a NumPy .npz file"),
        (lambda path: write_names(path, ["xl/worksheets/sheet1.xml"]), "an Excel file"),
        (lambda path: write_names(path, ["[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"]), "an Excel file"),
        (lambda path: write_names(path, ["[Content_Types].xml", "word/document.xml"]), "a Word file"),
        (
            lambda path: write_names(path, ["[Content_Types].xml", *"abcdefghijkl", "xl/a"]),
            "an Office file, such as Excel's",
        ),
        *[
            (lambda path, protocol=protocol: path.write_bytes(pickle.dumps({"a": 1}, protocol)), "a pickle")
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ],
        (lambda path: pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), path), "Parquet"),
        (write_sqlite, "SQLite"),
        (write_hdf5, "HDF5"),
        (write_tar, "a tar archive"),
        (lambda path: path.write_bytes(gzip.compress(b"a")), "gzip"),
        (lambda path: path.write_bytes(bz2.compress(b"a")), "bzip2"),
        (lambda path: path.write_bytes(lzma.compress(b"a")), "xz"),
        (write_image("png"), "an image"),
        (write_image("jpg"), "an image"),
        (write_image("tif"), "an image"),
        (write_image("webp"), "a sound, image or video"),
        (write_image("pdf"), "a PDF"),
        (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)), "an old Office file"),
        (lambda path: path.write_bytes(np.array([793712314, 12], "<i4").tobytes()), "a fastText model"),
    ],
)
def test_a_file_that_is_no_text_is_named(write: Callable[[Path], object], name: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb"):
        pass
    path = tmp_path / "file.npy" if name == "a NumPy array" else tmp_path / "file"
    write(path)
    path = tmp_path / "file.npz" if (tmp_path / "file.npz").exists() else path
    assert describe_binary(path.read_bytes()[:FIRST_BYTES]) == name


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "gb18030", "koi8-r"]
)
@pytest.mark.parametrize(
    "text",
    ["", "text,label\n", "the 0.1 0.2\n", "PK is a label\n", "RIFF and RIFFRAFF\n", "€ 5\n", "GIFT\n", "MM, II\n"],
)
def test_a_text_is_no_binary_file_in_any_encoding(text: str, encoding: str) -> None:
    assert describe_binary(text.encode(encoding, "replace")) is None
