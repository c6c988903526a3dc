import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.table_writers import Layout
from keras_textcnn.errors import InputError
from keras_textcnn.scale.prediction.job import (
    FINISHED,
    WORK,
    Done,
    FileEnd,
    Job,
    describe_files,
    part_name,
    write_part,
)
from keras_textcnn.scale.prediction.tables import Part, read_parts
from keras_textcnn.utils.locks import LOCK, locked

DESCRIPTION = {
    "model": "abc",
    "files": [("a.csv", 7, 1)],
    "way to answer": {"format": ".csv"},
    "columns": ["label"],
}


def write(job: Job, part: int, content: str = "rows") -> Done:
    name = part_name(0, part, ".csv")
    (job.directory / name).write_text(content, "utf-8")
    return Done(name, 2, 0, len(content))


def test_a_job_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with Job.begin(tmp_path / "answers", DESCRIPTION) as job:
        job.add(write(job, 0))
        job.add(write(job, 2))
        job.add(FileEnd(0, 3, 6))
    with Job.begin(tmp_path / "answers", DESCRIPTION) as job:
        assert job.parts_of(0, ".csv") == {0, 2}
        assert job.parts_of(1, ".csv") == set()
        assert not job.is_finished(0, ".csv")
        job.add(write(job, 1))
        assert job.is_finished(0, ".csv")
        assert not job.is_finished(1, ".csv")


def test_only_whole_parts_that_are_there_are_finished(tmp_path: Path) -> None:
    with Job.begin(tmp_path, DESCRIPTION) as job:
        done = [write(job, part) for part in range(4)]
        for one in done:
            job.add(one)
    (tmp_path / done[1].name).unlink()
    (tmp_path / done[2].name).write_text("ro", "utf-8")
    with (tmp_path / FINISHED).open("ab") as file:
        file.write(b'\n{"name": "part-00000-0000\xff')  # the power went
    with Job.begin(tmp_path, DESCRIPTION) as job:
        assert job.parts_of(0, ".csv") == {0, 3}
        job.add(write(job, 1))
    with Job.begin(tmp_path, DESCRIPTION) as job:
        assert job.parts_of(0, ".csv") == {0, 1, 3}


def test_leftovers_are_removed(tmp_path: Path) -> None:
    with Job.begin(tmp_path, DESCRIPTION):
        assert (tmp_path / WORK).is_dir()
    assert not (tmp_path / WORK).exists()
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / "half.csv").touch()
    with Job.begin(tmp_path, DESCRIPTION):
        assert not any((tmp_path / WORK).iterdir())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"model": "abd"}, "another model: abc, not abd; repeat the command"),
        ({"files": [("b.csv", 7, 1)]}, "other texts: b.csv is new, missing or changed"),
        ({"files": [("a.csv", 7, 2)]}, "other texts: a.csv is new, missing or changed"),
        ({"files": []}, "other texts: a.csv is new, missing or changed"),
        ({"columns": ["text", "label"]}, "other columns: 'text'; give the files as they were"),
        ({"columns": []}, "other columns: one is missing; give the files as they were"),
        ({"version": 3}, "parts of another version of keras_textcnn; go on with that one, or choose another --output"),
        ({"way to answer": {"format": ".jsonl"}}, "another way to answer: .*choose another --output"),
    ],
)
def test_another_job_is_refused(tmp_path: Path, other: dict[str, object], message: str) -> None:
    with Job.begin(tmp_path, DESCRIPTION):
        pass
    with pytest.raises(InputError, match=message), Job.begin(tmp_path, {**DESCRIPTION, **other}):
        pass


def test_a_damaged_file_may_be_repaired(tmp_path: Path) -> None:
    files = [["a.csv", 7, 1], ["b.csv", 7, 1]]
    with Job.begin(tmp_path, {**DESCRIPTION, "files": files}) as job:
        job.add(write(job, 0))
        job.add(FileEnd(0, 1, 2, "a.csv:9 is damaged"))
        job.add(FileEnd(1, 0, 0))
    files[0][2] = 5
    with Job.begin(tmp_path, {**DESCRIPTION, "files": files}) as job:
        assert not list(tmp_path.glob("part-*"))
        assert job.parts_of(0, ".csv") == set()
        assert not job.is_finished(0, ".csv")
        assert job.is_finished(1, ".csv")
        job.add(write(job, 0))
        job.add(FileEnd(0, 1, 2))
    with Job.begin(tmp_path, {**DESCRIPTION, "files": files}) as job:
        assert job.is_finished(0, ".csv")
    files[1][2] = 5
    with pytest.raises(InputError, match=r"b\.csv is new"), Job.begin(tmp_path, {**DESCRIPTION, "files": files}):
        pass


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").touch()
    for path, message in {tmp_path: "not empty, and no job", tmp_path / "letters.txt": "not a folder"}.items():
        with pytest.raises(InputError, match=message), Job.begin(path, DESCRIPTION):
            pass


def test_two_processes_do_not_answer_into_one_folder(tmp_path: Path) -> None:
    with (
        Job.begin(tmp_path, DESCRIPTION),
        pytest.raises(InputError, match="another process is using"),
        Job.begin(tmp_path, DESCRIPTION),
    ):
        pass


def test_the_lock_is_removed_before_another_job_can_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, mine = Job.remove_lock, list[bool]()

    def watched(self: Job) -> None:
        with locked(self.directory) as free:
            mine.append(not free and not (self.directory / WORK).exists())
        remove(self)

    monkeypatch.setattr(Job, "remove_lock", watched)
    with Job.begin(tmp_path, DESCRIPTION):
        pass
    assert mine == [True]
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"files": 7}', '{"files": [["a.csv"]]}'])
def test_a_damaged_description_is_refused(content: str, tmp_path: Path) -> None:
    with Job.begin(tmp_path, DESCRIPTION):
        pass
    (tmp_path / "_job.json").write_text(content, "utf-8")
    with (
        pytest.raises(InputError, match=r"damaged job: .*_job\.json .*; restore it, or choose another --output$"),
        Job.begin(tmp_path, DESCRIPTION),
    ):
        pass


def test_parts_of_an_older_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "_job.json").write_text(json.dumps(DESCRIPTION), "utf-8")
    with pytest.raises(InputError, match="parts of another version"), Job.begin(tmp_path, DESCRIPTION):
        pass


ADVICE = "; free space or make it writable, and repeat the same command"


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    message = f"cannot use {tmp_path}: Permission denied{ADVICE}, or choose another --output"
    for what in ("filelock.FileLock.acquire", "pathlib.Path.iterdir", "pathlib.Path.mkdir"):
        with monkeypatch.context() as patch:
            patch.setattr(what, refuse)
            with pytest.raises(InputError, match=message), Job.begin(tmp_path, DESCRIPTION):
                pass


def test_a_full_disk_asks_for_room_and_not_for_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    class Answers:
        def values(self, texts: list[str]) -> list[list[Any]]:
            return [["x", None] for _ in texts]

    (tmp_path / "a.csv").write_text("text\na\n", "utf-8")
    part, _ = read_parts(tmp_path / "a.csv", TrainConfig(), size=1, without=())
    assert isinstance(part, Part)
    layout, answers = Layout(["text"], {"label": "string", "error": "string"}), tmp_path / "answers"
    with Job.begin(answers, DESCRIPTION) as job:
        done = write_part(answers, "part-00000-00000.csv", part, Answers(), layout)
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(InputError, match=f"cannot use {answers}: No space left on device{ADVICE}$"):
            job.add(done)
        with pytest.raises(InputError, match=f"cannot use {answers}: No space left on device{ADVICE}$"):
            job.part_size(7)
        with pytest.raises(InputError, match=f"cannot write .*: No space left on device{ADVICE}$"):
            write_part(answers, "part-00000-00001.csv", part, Answers(), layout)
        assert list(answers.glob("part-*")) == [answers / "part-00000-00000.csv"]


def test_the_size_of_parts_stays(tmp_path: Path) -> None:
    for wanted in (100, 200):
        with Job.begin(tmp_path, DESCRIPTION) as job:
            assert job.part_size(wanted) == 100


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a", "utf-8")
    before = describe_files([path])
    assert describe_files([path]) == before
    os.utime(path, ns=(1, 1))
    assert describe_files([path]) != before
    path.unlink()
    with pytest.raises(InputError, match="cannot read .*: No such file or directory"):
        describe_files([path])
