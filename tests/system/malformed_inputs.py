"""Inputs that are wrong in every way we could think of, and what is said of each."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow
import pyarrow.parquet

from tests.conftest import make_texts

GOOD = "text,label\n" + "".join(f"{text},{label}\n" for text, label in make_texts(24, 1))
LINES = [json.dumps({"text": text, "label": label}) for text, label in make_texts(24, 1)]
PACKED = gzip.compress(GOOD.encode())
NUMBERS = " 0.5" * 8
LONG = b"a" * 2500 + b",sea\n"
VECTORS = f"the{NUMBERS}\nof{NUMBERS}\napple{NUMBERS}\n"


def in_zip(members: dict[str, str], **flags: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = flags.get("attributes", 0) << 16
            archive.writestr(info, text)
    return file.getvalue()


def in_tar(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", damaged: bool = False) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
        archive.addfile(member, io.BytesIO(b"x"))
        if damaged:
            archive.addfile(member, io.BytesIO(b"x"))
    data = bytearray(file.getvalue())
    data[1024 + 100] ^= damaged  # in the second member's header
    return bytes(data)


def repeated(text: str, times: int) -> pyarrow.DictionaryArray:
    """A text repeated, in the memory of one."""
    return pyarrow.DictionaryArray.from_arrays(np.zeros(times, np.int32), [text])


def in_parquet(**columns: object) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def encrypted_zip() -> bytes:
    data = bytearray(in_zip({"train/x/1.txt": "a"}))
    data[6] |= 1  # the flag in the member's own header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def zip_with_another_checksum() -> bytes:
    data = bytearray(in_zip({"train/x/1.txt": "a"}))
    data[data.index(b"PK\x01\x02") + 16] ^= 1  # the checksum is verified after the text is read
    return bytes(data)


def bz2_zip() -> bytes:
    """A ZIP file whose member unpacks, all at once, to a thousand times its declared size."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x/1.txt", "a" * 2**20)
    return file.getvalue().replace((2**20).to_bytes(4, "little"), (2**10).to_bytes(4, "little"))


def line_of_label(label: object) -> str:
    return json.dumps({"text": "a", "label": label})


# Name of the file, its content, what the message must say; {} is the file's path.
CORPORA: list[tuple[str, str | bytes, str]] = [
    ("a.csv", "", "empty file: {}"),
    ("a.csv", "\n", "empty file: {}"),
    ("a.csv", "text,label\n", "no texts in {}"),
    ("a.csv", GOOD.replace(",", ";"), "no column 'text' in {}; found: 'text;label'; set --delimiter ';'"),
    ("a.tsv", GOOD, "set --delimiter ','"),
    ("a.csv", GOOD.replace(",", "\t"), "set --delimiter '\\t'"),
    ("a.csv", GOOD.replace("text,label", "body,label"), "no column 'text' in {}"),
    ("a.csv", GOOD.replace("text,label", "text,class"), "no column 'label' in {}"),
    ("a.csv", GOOD.replace("text,label", "text,text"), "two columns 'text' in {}"),
    ("a.csv", GOOD + '"never closed,sea\n' + GOOD, "{}:26: unexpected end of data; close the quotation mark"),
    ("a.csv", GOOD + '"closed" too early,sea\n', "not a table: {}:26"),
    ("a.csv", GOOD + "one field\n", "1 fields where the first row has 2: {}:26"),
    ("a.csv", GOOD + "a,\nb, \nc,sea\n", "empty label: {}:26: 2 of 27 texts have none; label them, or leave them out"),
    ("a.csv", GOOD + "a,\"['sea', 'blue']\"\n", "2 labels: {}:26; for several labels per text set --multi-label"),
    ("a.csv", GOOD + '"she said \\"no\\", twice",sea\n', "{}:26: ',' expected after '\"'; set --escape '\\'"),
    ("a.csv", GOOD.split("\n", 1)[1], "or set --no-header if the first row is already a text"),
    ("a.csv", b"PK\x03\x04" + GOOD.encode(), "not text but a zip archive"),
    ("a.xlsx", b"PK\x03\x04", "a zip archive, such as a NumPy .npz file: {}; give a .csv"),
    ("a.csv.zip", in_zip({"a.csv": GOOD + "one field\n"}), "1 fields where the first row has 2: {}:a.csv:26"),
    ("a.zip", in_zip({"a.csv": GOOD, "b.csv": GOOD}), "several tables in {}: 'a.csv', 'b.csv'; name them train"),
    ("a.zip", in_zip({"a/train.csv": GOOD, "train.tsv": GOOD}), "two sources of train texts in {}: train.tsv"),
    ("a.zip", in_zip({"a.csv": "text,label\n" + ("a" * 2000 + ",x\n") * 2**12}), "unpacks to more than 100 times"),
    ("a.csv", GOOD + "a,b,c\n", "3 fields where the first row has 2: {}:26"),
    ("a.csv", GOOD + "a, \n", "empty label: {}:26"),
    ("a.csv", GOOD + "a\0b,sea\n", "a NUL byte: {}:26"),
    ("a.csv", GOOD.encode("utf-16-le"), "a NUL byte: {}:1"),
    ("a.csv", GOOD.encode("utf-16"), "UTF-16 by its byte order mark: {}; set --encoding utf-16"),
    ("a.csv", GOOD.encode() + "é,sea\n".encode("latin-1"), "not UTF-8: {}:26: byte 0xe9"),
    ("a.csv", GOOD.encode() + b"a,sea\xe2\x82", "not UTF-8: {}:26: byte 0xe2"),
    ("a.csv", GOOD + "x" * (2**22 + 10), "a line of more than 4,194,304 characters: {}:26"),
    ("a.csv", GOOD + '"' + "x\n" * 2**21 + "x\n" * 10 + '",sea\n', "{}:26: field larger than field limit"),
    ("a.csv", "text,label\n" + "".join(f"a,{n / 97}\n" for n in range(1, 40)), "labels that look like measurements"),
    ("a.csv", "text,label\n" + "".join(f"a,{n}\n" for n in range(1_000_000)), "more than 10,000 labels: {}:10002"),
    ("a.csv", GOOD + f"a,{'l' * 1001}\n", "a label of 1,001 characters: {}:26"),
    ("a.csv", "text,label\n" + "a,x\n" * 20, "only one label: 'x'"),
    ("a.csv", "text,label\na,x\nb,y\n", "every label has too few texts to split: 'x' has 1"),
    ("a.csv", "text,label\n" + " ,x\n ,y\n" * 9, "the training texts have no tokens: all are empty"),
    ("a.csv.gz", PACKED[: len(PACKED) // 2], "damaged file: {}"),
    ("a.csv.gz", PACKED[:-6] + b"\0" * 6, "cannot read {}: CRC check failed"),
    ("a.csv.gz", GOOD, "cannot read {}: Not a gzipped file"),
    ("a.csv.gz", b"", "empty file: {}"),
    ("a.csv.gz", PACKED[:30] + b"\xff\xff" + PACKED[32:], "damaged file: {}"),
    ("a.csv.xz", lzma.compress(GOOD.encode())[:-20], "damaged file: {}"),
    ("a.csv.bz2", GOOD, "cannot read {}"),
    ("a.csv", GOOD.replace("\n", "\r"), "not a table: {}:1: a carriage return alone; end the lines with line feeds"),
    ("a.doc", GOOD, "unknown kind of corpus: {}"),
    ("a", GOOD, "unknown kind of corpus: {}"),
    ("a.jsonl", "", "no texts in {}"),
    ("a.jsonl", "\n".join(LINES) + "\n{'text': 'a'}\n", "not JSON: {}:25"),
    ("a.jsonl", "\n".join(LINES)[:-5], "not JSON: {}:24"),
    ("a.jsonl", json.dumps([json.loads(line) for line in LINES]), "an array, not an object: {}:1"),
    ("a.jsonl", "[" * 100_000, "not JSON: {}:1"),
    ("a.jsonl", '{"text": "a", "label": ' + "1" * 5000 + "}", "not JSON: {}:1"),
    ("a.jsonl", '{"body": "a", "label": "x"}', "no column 'text' in {}:1; found: 'body', 'label'; choose one"),
    ("a.jsonl", '{"text": "a", "class": "x"}', "no column 'label' in {}:1; found: 'text', 'class'"),
    ("a.jsonl", '{"text": 5, "label": "x"}', "'text' is not a string: {}:1"),
    ("a.jsonl", LINES[0] + '\n{"text": "a", "class": "x"}', "'label' is missing: {}:2; found: 'text', 'class'"),
    ("a.jsonl", '{"text": {"0": "a", "1": "b"}, "label": {}}', "all texts in one object: {}:1"),
    ("a.json", "", "no texts in {}"),
    ("a.json", "[", "not JSON: {}:1: the array does not end"),
    ("a.json", f"[{LINES[0]},\n{LINES[1][:-4]}", "not JSON: {}:2: Unterminated string"),
    ("a.json", f"[\n{LINES[0]}\n]\n5", "not an object: {}:4; give an array of objects, or one object per line"),
    ("a.json", "[[1]]", "not an object: {}:1; give an array of objects"),
    ("a.json", '"text"', "not an object: {}:1"),
    ("a.json", '[{"text": ' + "[" * 100_000, "not JSON: {}:1"),
    ("a.json", '[{"text": "' + "x" * (2**22 + 2**20), "not JSON: {}:1"),
    ("a.jsonl", '{"text": "\\ud800", "label": "x"}', "a character that UTF-8 cannot encode: {}:1"),
    ("a.jsonl", line_of_label(None), "empty label: {}:1: 1 of 1 texts have none; label them, or leave them out"),
    ("a.jsonl", line_of_label({"a": 1}), "a label that is neither a string nor a number: {}:1"),
    ("a.jsonl", line_of_label(["x", "y"]), "2 labels: {}:1; for several labels per text set --multi-label"),
    ("a.jsonl", line_of_label(""), "empty label: {}:1"),
    ("a.txt", "__label__x fine\nno label here\n", "no __label__: {}:2"),
    ("a.txt", "__label__x fine\n__label__x __label__y two\n", "2 labels: {}:2"),
    ("a.txt", "__label__x fine\n__label__ empty\n", "empty label: {}:2"),
    ("a.jsonl", '{"text": "a", "label": NaN}', "empty label: {}:1"),
    ("a.parquet", b"", "damaged file: {}"),
    ("a.parquet", GOOD, "damaged file: {}"),
    ("a.parquet", in_parquet(text=["a"], label=["x"])[:-8], "damaged file: {}"),
    ("a.parquet", in_parquet(body=["a"], label=["x"]), "no column 'text' in {}"),
    ("a.parquet", in_parquet(text=[1, 2], label=["x", "y"]), "'text' is not a string: {}:row 1"),
    ("a.parquet", in_parquet(text=["a", "b"], label=["x", None]), "empty label: {}:row 2: 1 of 2 texts have none"),
    ("a.zip", b"", "damaged file: {}"),
    ("a.zip", in_zip({"train/x/1.txt": "a"})[:-10], "damaged file: {}"),
    ("a.zip", in_zip({"notes.md": "a"}), "no texts in {}"),
    ("a.zip", in_zip({"x/1.txt": "a", "../../y.txt": "b"}), "a name that leads out of the archive: {}:../../y.txt"),
    ("a.zip", in_zip({"/x/1.txt": "a"}), "a name that leads out of the archive: {}:/x/1.txt"),
    ("a.zip", in_zip({"C:/x/1.txt": "a"}), "a name that leads out of the archive: {}:C:/x/1.txt"),
    ("a.zip", in_zip({"x/1.txt": "/etc/passwd"}, attributes=stat.S_IFLNK | 0o777), "a link in an archive: {}:x/1.txt"),
    ("a.zip", in_zip({"x/1.txt": "a", "top/y/1.txt": "b"}), "texts at different depths in {}: top/y/1.txt"),
    ("a.zip", in_zip({"x/1.txt": "0" * (2**22 + 1)}), "a text of more than 4,194,304 bytes: {}:x/1.txt"),
    ("a.zip", encrypted_zip(), "cannot unpack {}"),
    ("a.zip", zip_with_another_checksum(), "damaged file: {} (Bad CRC-32 for file 'train/x/1.txt')"),
    ("a.zip", in_zip({"x/\u00f6.txt": "a"}).replace("\u00f6".encode(), b"\xc0B"), "damaged file: {}"),
    ("a.zip", in_zip({f"x/{n}.txt": " " * 2**22 for n in range(3)}), "unpacks to more than 100 times its size: {}"),
    ("a.csv.gz", gzip.compress(GOOD.encode() + LONG * 2**11), "unpacks to more than 100 times its size: {}"),
    ("a.csv.bz2", bz2.compress(GOOD.encode() + LONG * 2**11), "unpacks to more than 100 times its size: {}"),
    ("a.parquet", in_parquet(text=["a" * (2**22 + 1)], label=["x"]), "more than 4,194,304 characters: {}:row 1"),
    ("a.parquet", in_parquet(text=repeated("a" * 2**22, 250), label=["x"] * 250), "more than 100 times its size: {}"),
    ("a.zip", bz2_zip(), "not compressed with deflate: {}:x/1.txt"),
    ("a.parquet", in_parquet(text=repeated("a" * 1000, 2**17), label=["x"] * 2**17), "more than 100 times its size"),
    ("a.tar.gz", PACKED, "damaged file: {}"),
    ("a.tar.gz", gzip.compress(in_tar("x/1.txt"))[:-20], "damaged file: {}"),
    ("a.tar.gz", gzip.compress(in_tar("x/1.txt"))[:-6] + b"\0" * 6, "cannot read {}: CRC check failed"),
    ("a.tar", in_tar("x/1.txt", damaged=True), "damaged file: {} (header: bad checksum)"),
    ("a.tar", in_tar("."), "no texts in {}"),
    ("a.tar", in_tar("train/1.txt"), "a split without labels: {}:train/1.txt"),
    ("a.tar", in_tar("../x/1.txt"), "a name that leads out of the archive: {}:../x/1.txt"),
    ("a.tar", in_tar("x/1.txt", tarfile.SYMTYPE, "/etc/passwd"), "neither file nor folder: {}:x/1.txt"),
    ("a.tar", in_tar("x/1.txt", tarfile.LNKTYPE, "x/2.txt"), "neither file nor folder: {}:x/1.txt"),
    ("a.tar", in_tar("x/1.txt", tarfile.CHRTYPE), "neither file nor folder: {}:x/1.txt"),
]  # fmt: skip

BINARY = b"3 8\n" + b"".join(word + b" " + struct.pack("<8f", *[0.5] * 8) for word in (b"the", b"of", b"apple"))


def in_npy(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, np.eye(8, dtype=np.float32))
    return file.getvalue()


VECTOR_FILES: list[tuple[str, str | bytes, str]] = [
    ("v.txt", "", "empty vectors file: {}"),
    ("v.txt", "3 8\n", "empty vectors file: {}"),
    ("v.txt", "\n\n", "empty vectors file: {}"),
    ("v.txt", "the\nof\n", "no numbers: {}:1"),
    ("v.txt", VECTORS.replace(" ", ","), "numbers separated by ',': {}:1; separate a token"),
    ("v.csv", VECTORS.replace(" ", ", "), "numbers separated by ',': {}:1"),
    ("v.txt", VECTORS.replace(" ", ";"), "numbers separated by ';': {}:1"),
    ("v.txt", VECTORS.encode("utf-16"), "not a text file: {}; give a file in word2vec's binary"),
    ("v.txt", BINARY, "not a text file: {}"),
    ("v.npy", in_npy(np.save), "a NumPy array, not a vectors file: {}; write a text file with a token"),
    ("v.npz", in_npy(np.savez), "a zip archive, such as a NumPy .npz file, not a vectors file: {}"),
    ("v.kv", pickle.dumps(np.eye(3)), "a pickle, not a vectors file: {}; if gensim wrote it"),
    ("v.bin", pickle.dumps(np.eye(3)), "a pickle, not a vectors file: {}"),
    ("v.h5", b"\x89HDF\r\n\x1a\n" + bytes(500), "HDF5, not a vectors file: {}"),
    ("v.txt", gzip.compress(VECTORS.encode()), "gzip, not a vectors file: {}; give it a name that ends in .gz"),
    ("v.zip", in_zip({"a.txt": "PAR1" + VECTORS}), "Parquet, not a vectors file: {}"),
    ("v.txt", VECTORS + "pear 0.5 0.5\n", "fewer than 8 numbers: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5' * 7}\n", "7 numbers instead of 8: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5000000' * 7}\n", "numbers instead of 8: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5' * 7} nan\n", "a NaN or infinite number: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5' * 7} 1e999\n", "a NaN or infinite number: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5' * 7} x\n", "not a vector: {}:4"),
    ("v.txt", VECTORS + f"plum{' 0.5' * 6} 0,5 0.5\n", "not a vector: {}:4"),
    ("v.txt", VECTORS + f"of{NUMBERS}\n", "'of' already has a vector: {}:4"),
    ("v.txt", "3 9\n" + VECTORS, "vectors of 8 dimensions for an embedding of 9: {}:2"),
    ("v.txt", "3 0\n" + VECTORS, "no numbers: {}:1"),
    ("v.txt", "the" + " 0.5" * 10**7 + "\n", "a line of more than 1,048,576 bytes: {}:1"),
    ("v.txt", VECTORS + "the" + " 0.5" * 10**7, "a line of more than 1,048,576 bytes: {}:4"),
    ("v.txt.gz", gzip.compress(VECTORS.encode())[:-12], "damaged file: {}"),
    ("v.txt.gz", VECTORS, "cannot read {}: Not a gzipped file"),
    ("v.zip", VECTORS, "damaged file: {}"),
    ("v.zip", in_zip({"a.txt": VECTORS, "b.txt": VECTORS}), "not exactly one vectors file in {}"),
    ("v.zip", in_zip({"a.md": VECTORS}), "not exactly one vectors file in {}"),
    ("v.zip", in_zip({"\u00f6.txt": VECTORS}).replace("\u00f6".encode(), b"\xc0B"), "damaged file: {}"),
    ("v.zip", in_zip({"a.txt": VECTORS + f"_{NUMBERS}\n" * 2**17}), "unpacks to more than 100 times its size: {}"),
    ("v.txt.gz", gzip.compress((VECTORS + f"_{NUMBERS}\n" * 2**17).encode()), "more than 100 times its size: {}"),
    ("v.bin", b"", "not word2vec's binary format: {}"),
    ("v.bin", VECTORS, "not word2vec's binary format: {}"),
    ("v.bin", struct.pack("<ii", 793712314, 12) + b"\0" * 50, "a fastText model, not a vectors file: {}; use the"),
    ("v.bin", BINARY[:-5], "damaged or incomplete: {}: row 3 of the 3"),
    ("v.bin", BINARY.replace(b"3 8", b"3 9"), "damaged or incomplete: {}: row"),
    ("v.bin", BINARY.replace(b"3 8", b"2 8"), "more than the 2 rows that the header promises: {}"),
    ("v.vec", "9 8\n" + VECTORS, "3 rows where the header has 9: {}:4; is the file complete?"),
    ("v.bin", BINARY.replace(b"3 8", b"3 99999999"), "vectors of 99,999,999 dimensions: {}"),
    ("v.bin", BINARY.replace(b"3 8", b"999999999999 8"), "row 4 of the 999,999,999,999 that the header promises"),
    ("v.bin", BINARY[:-4] + np.float32("nan").tobytes(), "a NaN or infinite number: {}: row 3"),
    ("v.bin", b"3 8\n" + b"x" * 5000, "damaged or incomplete: {}: row 1"),
]  # fmt: skip
