"""Weights from a stranger: nothing is executed, nothing outside the file is read, no memory is allocated."""

import json
import pickle
import resource
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_textcnn import Run, load_model
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.folder import MANIFEST
from keras_textcnn.training.fine_tuning import Start
from tests.runs import Cli

KERNEL = "layers/token_embedding/vars/0"


def seal(run: Run) -> None:
    """Updates the manifest, as a stranger would: it matches the stranger's files."""
    run.seal(json.loads((run.directory / MANIFEST).read_text()))


def link_outside(file: h5py.File, run: Run) -> None:
    with h5py.File(run.directory.parent / "secret.h5", "w") as secret:
        secret["secret"] = np.asarray(file[KERNEL])
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("../secret.h5", "/secret")


def link_inside(file: h5py.File, run: Run) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/layers/dense/vars/0")


def store_outside(file: h5py.File, run: Run) -> None:
    shape = file[KERNEL].shape
    secret = run.directory.parent / "secret.bin"
    secret.write_bytes(bytes(4 * int(np.prod(shape))))
    del file[KERNEL]
    file.create_dataset(KERNEL, shape, "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def declare_a_huge_shape(file: h5py.File, run: Run) -> None:
    columns = file[KERNEL].shape[1]
    del file[KERNEL]
    file.create_dataset(KERNEL, (2**30, columns), "f4")


def be_in_pieces(file: h5py.File, run: Run) -> None:
    values = np.asarray(file[KERNEL])
    del file[KERNEL]
    file.create_dataset(KERNEL, data=values, chunks=values.shape, compression="gzip")


def hold_no_number(file: h5py.File, run: Run) -> None:
    file[KERNEL][0, 0] = np.nan


def be_virtual(file: h5py.File, run: Run) -> None:
    shape = file[KERNEL].shape
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(run.directory.parent / "secret.h5", "secret", shape)
    del file[KERNEL]
    file.create_virtual_dataset(KERNEL, layout)


def hold_a_pickled_object(file: h5py.File, run: Run) -> None:
    del file[KERNEL]
    file[KERNEL] = np.void(pickle.dumps(Bomb(run.directory.parent / "exploded")))


def hold_strings(file: h5py.File, run: Run) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, data=["a", "b"], dtype=h5py.string_dtype())


def hold_itself(file: h5py.File, run: Run) -> None:
    file["layers/token_embedding/again"] = file["layers"]


def lack_one(file: h5py.File, run: Run) -> None:
    del file[KERNEL]


def have_another_shape(file: h5py.File, run: Run) -> None:
    values = np.asarray(file[KERNEL]).T
    del file[KERNEL]
    file[KERNEL] = values


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_the_bomb_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "exploded")))
    assert (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (link_outside, "0 is a link"),
        (link_inside, "0 is a link"),
        (store_outside, "does not hold plain numbers"),
        (be_virtual, "does not hold plain numbers"),
        (hold_a_pickled_object, "does not hold plain numbers"),
        (hold_strings, "does not hold plain numbers"),
        (declare_a_huge_shape, "it declares"),
        (be_in_pieces, "is stored in chunks"),
        (hold_no_number, "do not match its settings"),
        (hold_itself, "again appears twice"),
        (lack_one, "do not match its settings"),
        (have_another_shape, "do not match its settings"),
    ],
)
def test_weights_are_refused(harm: Callable[[h5py.File, Run], None], reason: str, run: Run) -> None:
    with h5py.File(run.weights, "r+") as file:
        harm(file, run)
    seal(run)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=f"damaged weights: .*{reason}.*; restore it, or train again"):
        load_model(run)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # KiB
    assert not (run.directory.parent / "exploded").exists()


def test_settings_of_a_huge_model_take_no_memory(run: Run) -> None:
    content = run.read_json("config.json")
    run.write_json("config.json", {**content, "settings": {**content["settings"], "filters": 10**9}})
    seal(run)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"damaged weights: .* bytes for [\d,]{12,} weights"):
        load_model(run)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # KiB


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "os.system"},
        {"model": "keras_textcnn.train"},
        {"optimizer": "builtins.eval"},
        {"poolings": ["__import__('os').system"]},
        {"embedding": {"class_name": "Lambda", "config": {"function": "evil"}}},
        {"filters": "__import__('os')"},
        {"windows": [[1]]},
        {"windows": {"1": 2}},
        {"precision": "custom"},
        {"custom_objects": {"a": "b"}},
        {"filters": 1e400},
        {"filters": 10**30},
        {"hidden": [1] * 1000},
        {"model": None},
        {"ngrams": 1.5},
        {"batch_size": []},
        "model",
        [["model", "conv1d"]],
        None,
    ],
)
def test_config_names_no_code(settings: object, run: Run, tmp_path: Path, corpus_file: Path, cli: Cli) -> None:
    content = run.read_json("config.json")
    merged = {**content["settings"], **settings} if isinstance(settings, dict) else settings
    (run.directory / "config.json").write_text(json.dumps({**content, "settings": merged}))  # infinity too
    seal(run)
    ended = cli("train", "--data", corpus_file, "--from", run.directory, "--output", tmp_path / "new")
    assert ended.status == 2
    assert ended.error.startswith("error: ")
    assert not (tmp_path / "new").exists()


def test_tokens_that_are_there_twice_are_refused(run: Run) -> None:
    lines = run.read_lines("vocabulary.txt")
    run.write_lines("vocabulary.txt", [*lines[:-1], lines[-2]])
    seal(run)
    with pytest.raises(InputError, match="damaged run: .*vocabulary.txt .a line appears twice"):
        Start.of(run.directory)
