"""Recognizes the kind of a file by its first bytes."""

import re

SIGNATURES: dict[bytes, str] = {  # the first bytes of files; no text begins with any of them
    b"\x93NUMPY": "a NumPy array",
    b"PK\x03\x04": "a zip archive, such as a NumPy .npz file",
    b"PK\x05\x06": "an empty zip archive",
    b"%PDF-": "a PDF",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office file",
    b"PAR1": "Parquet",
    b"ARROW1\0": "Arrow",
    b"FEA1": "Feather",
    b"Obj\x01": "Avro",
    b"SQLite format 3\0": "SQLite",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"MATLAB 5.0 MAT-file": "a MATLAB file",
    b"\xba\x16\x4f\x2f": "a fastText model",
    b"\x89PNG\r\n": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"II*\0": "an image",
    b"MM\0*": "an image",
    b"RIFF": "a sound, image or video",
    b"ID3\x03": "a sound",
    b"ID3\x04": "a sound",
    b"OggS\0": "a sound",
    b"fLaC\0": "a sound",
    b"\x1f\x8b": "gzip",
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x7fELF": "a program",
}


TAR = b"ustar", 257  # and its offset


PICKLE = re.compile(rb"\x80[\x02-\x05]")  # and its protocol; the older ones look like text


RIFF = re.compile(rb"RIFF.{4}(WEBP|WAVE|AVI )", re.DOTALL)


OFFICE = re.compile(
    rb"PK\x03\x04.{26}.{0,480}?(?<![a-z])(xl|word|ppt)/", re.DOTALL
)  # recognized by the first names inside


OFFICE_FILES = {b"xl": "an Excel file", b"word": "a Word file", b"ppt": "a PowerPoint file"}


FIRST_BYTES = 512  # enough to recognize a file


def describe_binary(first_bytes: bytes) -> str | None:
    """The kind of a file, worded for an error message, if its first bytes show that it is not text.

    Args:
        first_bytes: The first `FIRST_BYTES` of the file, or all of it if it has fewer.

    Returns:
        For example "a NumPy array", "Parquet" or "gzip"; None if the file may be text.
    """
    if PICKLE.match(first_bytes):
        return "a pickle"
    if found := OFFICE.match(first_bytes):
        return OFFICE_FILES[found[1]]
    if first_bytes.startswith(b"PK") and b"[Content_Types].xml" in first_bytes:
        return "an Office file, such as Excel's"
    if first_bytes[TAR[1] :].startswith(TAR[0]):
        return "a tar archive"
    for signature, name in SIGNATURES.items():
        if first_bytes.startswith(signature) and (signature != b"RIFF" or RIFF.match(first_bytes)):
            return name
    return None
