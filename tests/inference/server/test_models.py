"""Runs that are replaced while they are served, and their names."""

import threading
import time
from pathlib import Path

import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.inference.server.models import Model, Models, named
from keras_textcnn.inference.server.refused import RefusedError
from tests.inference.server.conftest import Fake

Changes = list[tuple[str, int | None]]


def open_unless_damaged(directory: Path) -> Fake:
    content = (directory / "manifest.json").read_text()
    if content == "damaged":
        raise InputError(f"damaged run: {directory}; train again")
    fake = Fake(directory)
    fake.labels = [content, "good"]
    return fake


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with what is opened."""
    (tmp_path / "manifest.json").write_text("first")
    return tmp_path


@pytest.fixture
def changes() -> Changes:
    """Name and version of each model that was opened, or name and None."""
    return []


@pytest.fixture
def models(place: Path, changes: Changes) -> Models:
    """The directory, served as topics."""

    def on_change(name: str, model: Model | None) -> None:
        changes.append((name, model and model.version))

    return Models({"topics": place}, open_unless_damaged, on_change)


def put(place: Path, content: str) -> None:
    """Replaces the file, as runs do."""
    (place / "new").write_text(content)
    (place / "new").rename(place / "manifest.json")


def test_what_changes_is_opened_once_it_is_the_same_in_two_looks(models: Models, place: Path, changes: Changes) -> None:
    old = models.find("topics")
    models.look()
    put(place, "second")
    models.look()
    assert models.find("topics") is old
    put(place, "third")  # it was still being copied
    models.look()
    assert models.find("topics") is old
    models.look()
    new = models.find("topics")
    assert (new.version, new.predictor.labels[0]) == (2, "third")
    assert old.predictor(["good"])[0]["label"] == "good"  # for requests that have begun
    for _ in range(3):
        models.look()
    assert changes == [("topics", 1), ("topics", 2)]


def test_a_damaged_one_is_refused_and_the_old_one_goes_on(
    models: Models, place: Path, changes: Changes, logged: list[str]
) -> None:
    put(place, "damaged")
    for _ in range(4):
        models.look()
    assert models.find("topics").version == 1
    assert changes == [("topics", 1), ("topics", None)]
    assert len(logged) == 1
    assert "version 2 is refused: damaged run" in logged[0]
    assert "version 1 goes on answering" in logged[0]
    refused, available = models.status("topics")["model_version_status"]
    assert (refused["version"], refused["state"]) == ("2", "END")
    assert "damaged" in refused["status"]["error_message"]
    assert (available["version"], available["state"]) == ("1", "AVAILABLE")
    assert models.status("topics", 2) == {"model_version_status": [refused]}
    with pytest.raises(RefusedError, match="no version 3"):
        models.status("topics", 3)
    put(place, "third")
    for _ in range(2):
        models.look()
    assert models.find("topics").version == 3
    assert models.status("topics")["model_version_status"][0]["state"] == "AVAILABLE"


def test_a_directory_that_goes_away_is_no_reason_to_stop(models: Models, place: Path) -> None:
    (place / "manifest.json").unlink()
    for _ in range(3):
        models.look()
    assert models.find("topics").version == 1


def test_a_directory_that_may_not_be_read_is_looked_at_again(
    models: Models, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> bool:
        raise PermissionError(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_file", forbidden)
        models.look()
    put(place, "second")
    for _ in range(2):
        models.look()
    assert models.find("topics").version == 2


def test_they_are_watched_in_a_thread_until_the_block_ends(models: Models, place: Path) -> None:
    with models.watched(every=0.01):
        put(place, "second")
        while models.find("topics").version == 1:
            time.sleep(0.01)
    assert "watch" not in {thread.name for thread in threading.enumerate()}


def test_a_run_that_cannot_be_opened_at_first_is_an_error(place: Path) -> None:
    put(place, "damaged")
    with pytest.raises(InputError, match="damaged run"):
        Models({"topics": place}, open_unless_damaged)


def test_names_are_those_of_directories_or_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    (tmp_path / "c.textcnn").write_text("")
    found = named(["runs/topics/", "mood=runs/sentence_polarity", "a=b", "c.textcnn", "."])
    assert list(found) == ["topics", "mood", "a=b", "c", tmp_path.name]
    assert found["mood"] == Path("runs/sentence_polarity")


@pytest.mark.parametrize(
    "given", [["runs/a", "other/a"], ["x=runs/a", "x=runs/b"], ["a:b"], ["a/b=runs/c"], ["..", "=x"]]
)
def test_names_that_cannot_be(given: list[str]) -> None:
    with pytest.raises(InputError, match="give NAME="):
        named(given)
