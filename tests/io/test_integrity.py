"""Files are replaced in one step, and changed bytes are detected."""

import hashlib
from pathlib import Path

import pytest

from keras_textcnn.io.integrity import all_unchanged, append_digest, checksums, replacing, without_digest


def test_a_file_takes_its_place_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def write(content: str, error: BaseException | None = None) -> None:
        with replacing(path) as partial:
            partial.write_text(content)
            assert path.read_text() == "old"
            if error:
                raise error

    with pytest.raises(KeyboardInterrupt):
        write("half", KeyboardInterrupt())
    assert [(left.name, left.read_text()) for left in tmp_path.iterdir()] == [("a", "old")]
    write("new")
    assert [(left.name, left.read_text()) for left in tmp_path.iterdir()] == [("a", "new")]


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("w+b") as file:
        file.write(b"content")
        append_digest(file)
    content = path.read_bytes()
    assert content == b"content" + hashlib.sha256(b"content").digest()
    assert bytes(without_digest(content)) == b"content"
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        with pytest.raises(ValueError, match="checksum"):
            without_digest(bytes(changed))
    for size in (0, 5, len(content) - 1):
        with pytest.raises(ValueError, match="checksum"):
            without_digest(content[:size])


def test_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    expected = checksums(tmp_path, ["b", "a"])
    assert expected == {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a", "b")}
    assert all_unchanged(tmp_path, expected)
    (tmp_path / "b").write_text("a")
    assert not all_unchanged(tmp_path, expected)
