import json
import subprocess
import sys
from pathlib import Path

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.persistence.run import FORMAT, Run, check_free, free_directory


def create(directory: Path) -> Run:
    config = TrainConfig(seed=7, windows=(2, 5))
    return Run.create(directory, config, {"corpus": {"train": 3}}, vocabulary=["[PAD]", "[UNK]"], labels=["a", "b"])


def test_config_comes_back_as_it_was(tmp_path: Path) -> None:
    create(tmp_path / "runs" / "one")
    run = Run.open(tmp_path / "runs" / "one")
    assert run.config() == TrainConfig(seed=7, windows=(2, 5)).resolved()
    assert run.read_json("config.json")["corpus"] == {"train": 3}
    assert not run.finished
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]


def test_lines_come_back_as_they_were(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    lines = ["plain", "", "a\nb", "a\\nb", "back\\", "\r\n", "\\r", "日本\u2028x", "\x85"]
    run.write_lines("others.txt", lines)
    run.seal(["others.txt"])
    assert run.read_lines("others.txt") == lines
    assert (tmp_path / "one" / "others.txt").read_bytes().count(b"\n") == len(lines)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_word_for_is_not_written(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Run(tmp_path).write_json("metrics.json", {"test": [number]})
    assert [*tmp_path.iterdir()] == []


def test_rows_are_csv(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    run.write_rows("history.csv", [{"phase": "frozen", "loss": 0.5}, {"phase": "a,b", "loss": 1}])
    assert (tmp_path / "one" / "history.csv").read_text() == 'phase,loss\nfrozen,0.5\n"a,b",1\n'


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    run.write_text("report.txt", "old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write("report.txt", fail)
    assert (run.directory / "report.txt").read_text() == "old"


def test_a_directory_that_holds_something_is_not_taken(tmp_path: Path) -> None:
    create(tmp_path / "one")
    with pytest.raises(InputError, match="one already holds a run; choose another --output, or continue with --resume"):
        create(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="two is not an empty directory"):
        check_free(tmp_path / "two")
    with pytest.raises(InputError, match="notes.txt is not an empty directory"):
        check_free(tmp_path / "two" / "notes.txt")
    with pytest.raises(InputError, match="cannot make .*inner: .*choose another --output"):
        create(tmp_path / "two" / "notes.txt" / "inner")
    (tmp_path / "three").mkdir()
    create(tmp_path / "three")  # an empty directory is taken


def test_free_directory_counts(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        directory = free_directory(tmp_path, "x")
        directory.mkdir()
        names.append(directory.name)
    assert names == ["x", "x-2", "x-3"]


def test_open_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run in"):
        Run.open(tmp_path)
    run = create(tmp_path / "one")
    run.write_json("config.json", {"format": 99})
    with pytest.raises(InputError, match="damaged run: .*config.json .its checksum does not match"):
        Run.open(tmp_path / "one")
    run.seal(["config.json"])
    with pytest.raises(InputError, match="one has format 99, but this version reads 1"):
        Run.open(tmp_path / "one")
    run.write_text("config.json", '{"format"')
    run.seal(["config.json"])
    with pytest.raises(InputError, match="damaged run: .*config.json"):
        Run.open(tmp_path / "one")
    (tmp_path / "one" / "manifest.json").unlink()
    run.write_json("config.json", {"format": FORMAT})
    with pytest.raises(InputError, match="damaged run: .*manifest.json .it is missing.; restore it, or train again"):
        Run.open(tmp_path / "one")


def test_a_manifest_holds_the_sha256_of_all_that_stays(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    run.write_text("report.txt", "good")
    run.write_text("evaluations/later.txt", "comes and goes")
    (run.checkpoints / "logits.npz").write_bytes(b"goes")
    (run.directory / "partial.report.html").write_bytes(b"of a write that was killed")
    run.finish()
    assert run.finished
    assert not [*run.directory.glob("*checkpoints*")]
    names = ["config.json", "labels.txt", "report.txt", "vocabulary.txt"]
    listed = subprocess.run(["sha256sum", *names], cwd=run.directory, capture_output=True, text=True, check=True)
    expected = {name: checksum for checksum, name in map(str.split, listed.stdout.splitlines())}
    assert json.loads((run.directory / "manifest.json").read_text()) == expected


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    other = "import sys; from pathlib import Path; from keras_textcnn.persistence.run import Run\n"
    other += "with Run(Path(sys.argv[1])).locked(): print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", other, str(run.directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(InputError, match="another process is using .*one; wait for it, or stop it"), run.locked():
            pass
        process.kill()
    with run.locked():  # a killed process holds no lock
        pass


def test_what_is_read_is_held_against_the_manifest(tmp_path: Path) -> None:
    run = create(tmp_path / "one")
    (run.directory / "labels.txt").write_text("b\na\n")
    with pytest.raises(
        InputError, match="damaged run: .*labels.txt .its checksum does not match.; restore it, or train"
    ):
        run.read_lines("labels.txt")
    (run.directory / "labels.txt").unlink()
    with pytest.raises(InputError, match="damaged run: .*labels.txt .No such file"):
        run.read_lines("labels.txt")
    for content in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
        (run.directory / "manifest.json").write_bytes(content)
        with pytest.raises(InputError, match="damaged run: .*manifest.json"):
            Run.open(run.directory)
