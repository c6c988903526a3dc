"""A folder's files are those of its manifest."""

import json
import shutil
from pathlib import Path

import pytest

from keras_textcnn import Run, load_model
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.folder import MANIFEST
from tests.runs import Cli


@pytest.mark.parametrize("place", ["partial.report.txt", "checkpoints/logits.partial", "saved_model", "evaluations"])
def test_nothing_is_written_through_a_link(
    place: str,
    run: Run,
    corpus_file: Path,
    cli: Cli,
) -> None:
    outside = run.directory.parent / "outside"
    outside.mkdir()
    (outside / "thesis.tex").write_text("precious")
    path = run.directory / place
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside if place in ("saved_model", "evaluations") else outside / "thesis.tex")
    if place == "evaluations":
        ended = cli("evaluate", run.directory, "--data", corpus_file)
    else:
        run.checkpoints.mkdir(exist_ok=True)
        ended = cli("train", "--resume", run.directory)
    assert ended.status == 2
    assert f"error: neither a file nor a folder: {path}" in ended.err
    assert [file.read_text() for file in outside.iterdir()] == ["precious"]


def test_what_the_manifest_leaves_out_is_refused(run: Run) -> None:
    manifest = json.loads((run.directory / MANIFEST).read_text())
    for name in ("weights.weights.h5", "labels.txt"):
        run.write_json(MANIFEST, {one: checksum for one, checksum in manifest.items() if one != name})
        with pytest.raises(InputError, match=f"damaged run: .*{name}"):
            load_model(run)


@pytest.mark.parametrize(
    "name", ["saved_model/1/../../../outside", "/dev/zero", "saved_model/1/pipe", "saved_model/1/out"]
)
def test_a_manifest_reads_nothing_outside(name: str, run: Run) -> None:
    """Neither endless files nor files outside the run."""
    (run.directory.parent / "outside").write_text("secret")
    if name.endswith("pipe"):
        import os

        os.mkfifo(run.directory / name)
    if name.endswith("out"):
        (run.directory / name).symlink_to("/dev/zero")
    manifest = json.loads((run.directory / MANIFEST).read_text())
    run.write_json(MANIFEST, {**manifest, name: "0" * 64})
    with pytest.raises(InputError, match="damaged run: .*it is not a file of this folder"):
        run.check()
