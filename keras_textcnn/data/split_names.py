"""Finds splits by the names of folders and files."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from keras_textcnn.data.columns import list_names
from keras_textcnn.data.corpus import SPLITS
from keras_textcnn.data.formats import FORMATS
from keras_textcnn.errors import InputError
from keras_textcnn.io.archives import ARCHIVES, is_table, is_text, read_members, table_names
from keras_textcnn.io.files import kind_of, reading

SPLIT_NAMES = {  # of folders and files, in any case
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def find_splits(path: Path) -> Iterator[tuple[str, Path]]:
    """The splits of a corpus with their paths: folders and files named after a split; otherwise all is training.

    Raises:
        InputError: Two paths are named after the same split.
    """
    places: dict[str, Path] = {}
    with reading(path):
        inside = sorted(path.iterdir()) if path.is_dir() else []
    for place in inside:
        split = SPLIT_NAMES.get(place.name.split(".")[0].lower())
        known = place.is_file() and kind_of(place) in {*FORMATS, *ARCHIVES}
        if split and (any(place.glob("*/")) if place.is_dir() else known):
            if split in places:
                raise InputError(f"two sources of {split} texts: {places[split].name} and {place.name} in {path}")
            places[split] = place
    yield from (
        ((split, places[split]) for split in SPLITS if split in places) if "train" in places else [("train", path)]
    )


def tables_inside(path: Path, split: str) -> dict[str, str]:
    """The tables of an archive, each with its split; none if it is an archive of texts.

    Raises:
        InputError: Two tables are named after the same split, or there are several and none is named `train`.
    """
    names = table_names(path)
    found: dict[str, str] = {}
    for name in names:
        its_split = SPLIT_NAMES.get(PurePosixPath(name).name.split(".")[0].lower())
        if its_split in found.values():
            raise InputError(f"two sources of {its_split} texts in {path}: {name} is the second; leave one out")
        if its_split:
            found[name] = its_split
    if "train" in found.values():
        return found
    tables = [name for name in names if is_table(name)]
    if not tables or any(is_text(name) and "/" in name for name, _ in read_members(path)):
        return {}
    if len(tables) > 1:
        raise InputError(f"several tables in {path}: {list_names(tables)}; name them train, validation and test")
    return {tables[0]: split}
