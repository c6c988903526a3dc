"""`predict --engine ray` with two workers next to `predict` in one process; workers and the whole job killed meanwhile.

    python tests/benchmarks/cluster_predict.py RUN FOLDER [TEXTS]

Writes a table of TEXTS rows (a million by default) into FOLDER, each a key and up to 60 words of the run's vocabulary.
Answers it in one process; with two workers; with ten workers killed with SIGKILL at random moments; and with the whole
job killed with SIGKILL halfway and begun again. After each, all rows are compared with those of the one process, keys
and answers. Prints seconds, peak resident memory by kind of process, and how many rows differ. Needs psutil.
"""

import collections
import csv
import itertools
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from keras_textcnn import Run

TEXTS, LONGEST, WORKERS, KILLS = 1_000_000, 60, 2, 10
MIB, TOLERANCE = 2**20, 1e-6
KINDS = {"ray::MapWorker": "worker", "ray::": "reader and others", "keras_textcnn": "command"}


def main() -> None:
    """Runs everything, and prints a table."""
    run, folder = Run.open(Path(sys.argv[1])), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    texts = int(sys.argv[3]) if sys.argv[3:] else TEXTS
    table, one = folder / f"{texts}.csv", folder / "one.csv"
    write_table(run, table, texts)
    print("| | seconds | rows | other than in one process | peak MiB |\n|---|---|---|---|---|")
    seconds, peaks = Watched(run, table, one).wait()
    show("one process", seconds, sum(1 for _ in rows_of([one])), 0, peaks)
    answers = folder / "answers"
    usual, peaks = Watched(run, table, fresh(answers), ray=True).wait()
    show(f"{WORKERS} workers", usual, *compare(one, answers), peaks)
    watched = Watched(run, table, fresh(answers), ray=True)
    killed = kill_workers(watched, usual)
    seconds, peaks = watched.wait()
    show(f"{killed} workers killed", seconds, *compare(one, answers), peaks)
    watched = Watched(run, table, fresh(answers), ray=True)
    watched.watch(usual / 2)
    kept, gone = kill_job(watched, answers)
    seconds, peaks = Watched(run, table, answers, ray=True).wait()
    show(
        f"killed after {kept:,} rows (its processes gone after {gone:.0f} s), again",
        seconds,
        *compare(one, answers),
        peaks,
    )


def write_table(run: Run, path: Path, texts: int) -> None:
    words = np.array(run.read_lines("vocabulary.txt")[2:])
    generator = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file).writerow
        write(["id", "text"])
        for number, length in enumerate(generator.integers(0, LONGEST, texts).tolist()):
            ranks = len(words) ** generator.random(length) - 1  # as in text: a word's share falls with its rank
            write([f"{number:09d}", " ".join(words[ranks.astype(int)])])


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


class Watched:
    """A command that runs, and the peak memory of its processes."""

    def __init__(self, run: Run, table: Path, output: Path, *, ray: bool = False) -> None:
        command = [
            sys.executable,
            "-m",
            "keras_textcnn.predict",
            str(run.directory),
            str(table),
            "--output",
            str(output),
        ]
        more = ["--engine", "ray", "--workers", str(WORKERS)] if ray else []
        self.started, self.peaks = time.monotonic(), collections.Counter[str]()
        self.process = subprocess.Popen([*map(str, command), *more], stderr=subprocess.PIPE)

    def tree(self) -> list[psutil.Process]:
        try:
            me = psutil.Process(self.process.pid)
            return [me, *me.children(recursive=True)]
        except psutil.Error:
            return []

    def look(self) -> None:
        """Notes how much memory each process has."""
        for process in self.tree():
            try:
                line, memory = " ".join(process.cmdline()), process.memory_info()
            except psutil.Error:
                continue
            kind = next((kind for sign, kind in KINDS.items() if sign in line), "Ray itself")
            self.peaks[kind] = max(self.peaks[kind], (memory.rss - memory.shared) // MIB)

    def watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            self.look()
            time.sleep(0.2)

    def wait(self) -> tuple[float, dict[str, int]]:
        while self.process.poll() is None:
            self.watch(1)
        if self.process.returncode:
            assert self.process.stderr is not None  # a pipe
            sys.exit(self.process.stderr.read().decode())
        return time.monotonic() - self.started, dict(self.peaks)


def kill_workers(watched: Watched, usual: float) -> int:
    """Kills a worker at each of `KILLS` random moments of a job that usually takes so many seconds."""
    draw, killed = random.Random(0), 0
    for moment in sorted(draw.uniform(0.2, 1) * usual for _ in range(KILLS)):
        watched.watch(watched.started + moment - time.monotonic())
        workers = [one for one in watched.tree() if "ray::MapWorker" in " ".join(one.cmdline())]
        if workers:
            draw.choice(workers).kill()
            killed += 1
    return killed


def kill_job(watched: Watched, answers: Path) -> tuple[int, float]:
    """Kills the command; returns how many rows it has finished, and how long its other processes lived on."""
    tree, now = watched.tree(), time.monotonic()
    watched.process.send_signal(signal.SIGKILL)
    watched.process.wait()
    kept = sum(1 for _ in rows_of(parts(answers)))
    while any(one.is_running() for one in tree) and time.monotonic() < now + 300:
        time.sleep(0.5)
    return kept, time.monotonic() - now


def parts(answers: Path) -> list[Path]:
    return sorted(answers.glob("part-*.csv"))


def rows_of(paths: list[Path]) -> Iterator[list[str]]:
    """The rows of some tables without the column of errors."""
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row[:4] for row in itertools.islice(csv.reader(file), 1, None))


def compare(one: Path, answers: Path) -> tuple[int, int]:
    """How many rows there are, and how many are not the same as those of the one process, in its order."""
    both = [*itertools.zip_longest(rows_of([one]), rows_of(parts(answers)))]
    return sum(ours is not None for _, ours in both), sum(not is_same(*pair) for pair in both)


def is_same(theirs: list[str] | None, ours: list[str] | None) -> bool:
    """Whether two rows have the same key, text and label, and the same probability to 1e-6."""
    if theirs is None or ours is None:
        return False
    return theirs[:3] == ours[:3] and abs(float(theirs[3]) - float(ours[3])) <= TOLERANCE


def show(what: str, seconds: float, rows: int, other: int, peaks: dict[str, int]) -> None:
    memory = ", ".join(f"{kind} {peak:,}" for kind, peak in sorted(peaks.items()))
    print(f"| {what} | {seconds:.1f} | {rows:,} | {other:,} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
