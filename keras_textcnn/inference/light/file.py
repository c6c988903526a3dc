"""`model.textcnn`: one file with everything that answers, which is checked before any of it is used.

It is a ZIP file whose entries are stored as they are: `spec.json`, other JSON files, NumPy's `.npy` arrays, and
`checksums.json`, the SHA-256 of all others. Nothing in it is executed, and reading it takes no more memory than its
size.
"""

import dataclasses
import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.errors import InputError

NAME = "model.textcnn"
FORMAT = 1  # increased when older versions cannot read newer files
SPEC, CHECKSUMS = "spec.json", "checksums.json"
JSON, ARRAY = ".json", ".npy"
MAGIC = b"\x93NUMPY\x01\x00"  # begins an array in the first version of NumPy's format
HEADER = re.compile(rb"\{'descr': '(<f[42])', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n")
LARGEST_HALF = float(np.finfo(np.float16).max)
BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal content makes equal files
DAMAGES = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, OverflowError, RecursionError),
    *(NotImplementedError, RuntimeError, MemoryError, struct.error, zipfile.BadZipFile),
)


@dataclasses.dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        spec: What the model is, from `spec.json`.
        documents: The bytes of the other JSON files, by name without suffix; they are parsed when they are needed.
        arrays: float32, by name without suffix; read-only.
    """

    spec: dict[str, Any]
    documents: dict[str, bytes]
    arrays: dict[str, np.ndarray]


def write_file(
    path: Path,
    spec: Mapping[str, Any],
    documents: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    weights: str = "float32",
) -> None:
    """Writes a file.

    Args:
        path: Path of the file.
        spec: What the model is.
        documents: What becomes JSON, by name.
        arrays: float32, by name.
        weights: "float32", or "float16" for a file of half the size; arrays with numbers above 65,504 stay float32.
    """
    entries = {SPEC: _to_json({"format": FORMAT, "weights": weights, **spec})}
    entries |= {f"{name}{JSON}": _to_json(document) for name, document in documents.items()}
    entries |= {f"{name}{ARRAY}": _to_npy(array, weights) for name, array in arrays.items()}
    entries[CHECKSUMS] = _to_json({name: hashlib.sha256(entry).hexdigest() for name, entry in entries.items()})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, entry in entries.items():
            archive.writestr(zipfile.ZipInfo(name, BEGINNING_OF_TIME), entry)


def read_file(path: Path) -> Content:
    """Reads a file.

    Raises:
        InputError: There is no such file, a newer version wrote it, or it is damaged.
    """
    try:
        entries = _read_entries(path)
        spec = json.loads(entries.pop(SPEC))
        if type(spec["format"]) is not int or spec["format"] < 1:
            raise ValueError(f"its format is {spec['format']!r}")
        if spec["format"] > FORMAT:
            raise InputError(f"{path} has format {spec['format']}, but this version reads 1 to {FORMAT}; update it")
        names = {suffix: [name for name in entries if name.endswith(suffix)] for suffix in (JSON, ARRAY)}
        documents = {name.removesuffix(JSON): entries[name] for name in names[JSON]}
        arrays = {name.removesuffix(ARRAY): _of_npy(name, entries[name]) for name in names[ARRAY]}
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except InputError:
        raise
    except DAMAGES as error:
        raise damaged(path, error) from error
    return Content(spec, documents, arrays)


def damaged(path: Path, error: Exception) -> InputError:
    """The error about a file that is damaged or made by hand."""
    return InputError(f"damaged model: {path} ({' '.join(str(error).split())[:200]}); copy it again, or train again")


def _read_entries(path: Path) -> dict[str, bytes]:
    """The entries of a file except their checksums, which match."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        described = archive.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size for one in described):
            raise ValueError("an entry is compressed")
        if sum(one.file_size for one in described) > path.stat().st_size:
            raise ValueError("it declares more bytes than it has")
        if len({one.filename for one in described}) < len(described):
            raise ValueError("two entries have one name")
        entries = {one.filename: archive.read(one) for one in described}
    expected = json.loads(entries.pop(CHECKSUMS))
    if expected != {name: hashlib.sha256(entry).hexdigest() for name, entry in entries.items()}:
        raise ValueError("its checksums do not match")
    return entries


def _to_json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _to_npy(array: np.ndarray, weights: str) -> bytes:
    array = np.ascontiguousarray(array, "<f4")
    if weights == "float16" and np.abs(array).max(initial=0) <= LARGEST_HALF:
        array = array.astype("<f2")
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _of_npy(name: str, entry: bytes) -> np.ndarray:
    """An array, float32 and read-only. NumPy's own reader evaluates the header as Python."""
    size = int.from_bytes(entry[len(MAGIC) : len(MAGIC) + 2], "little")
    end = len(MAGIC) + 2 + size
    header = HEADER.fullmatch(entry[len(MAGIC) + 2 : end])
    if not entry.startswith(MAGIC) or header is None:
        raise ValueError(f"{name} is no array of floats in NumPy's format")
    shape = [int(length) for length in re.findall(rb"\d+", header[2])]
    array = np.frombuffer(entry, header[1].decode(), offset=end).reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return array.astype(np.float32, copy=False)
