import os
from pathlib import Path

import pytest

from keras_textcnn.errors import InputError
from keras_textcnn.scale.prediction.job import FINISHED, WORK, Done, FileEnd, Job, describe_files, part_name

DESCRIPTION = {"model": "abc", "files": [("a.csv", 7, 1)], "way to answer": {"format": ".csv"}}


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
    with (tmp_path / FINISHED).open("a", encoding="utf-8") as file:
        file.write('\n{"name": "part-00000-0000')  # the power went
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
