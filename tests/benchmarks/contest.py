"""Contestants that take turns, each in a process of its own, and the table of their ratios."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Round = dict[str, float]
Prepare = Callable[..., Callable[[], Round]]  # from the arguments to a function that takes one round


def compete(contestants: Mapping[str, Prepare], *arguments: str, rounds: int) -> dict[str, list[Round]]:
    """Starts this script in a process for each contestant, and lets them take rounds in turns.

    Args:
        contestants: Contestants by name. One whose libraries are missing is reported and left out.
        arguments: The arguments that each is prepared with.
        rounds: The rounds of each contestant.

    Returns:
        The rounds of each contestant.
    """
    workers = {}
    for name in contestants:
        worker = subprocess.Popen(
            [sys.executable, sys.argv[0], "--contestant", name, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        answer = _hear(worker)
        if missing := answer.get("missing"):
            print(f'{name} is left out: no module {missing}; run pip install ".[benchmark]"', file=sys.stderr)
        else:
            workers[name] = worker
    results: dict[str, list[Round]] = {name: [] for name in workers}
    for number in range(rounds):
        for name, worker in workers.items():
            if sys.stderr.isatty():
                print(f"round {number + 1} of {rounds}: {name}", end="\033[K\r", file=sys.stderr)
            worker.stdin.write("\n")
            worker.stdin.flush()
            results[name].append(_hear(worker))
    if sys.stderr.isatty():
        print(end="\033[K", file=sys.stderr)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return results


def _hear(worker: subprocess.Popen) -> dict[str, Any]:
    line = worker.stdout.readline()
    if not line:
        raise SystemExit(f"error: {worker.args} ended with exit status {worker.wait()}")
    return json.loads(line)


def take_part(contestants: Mapping[str, Prepare]) -> None:
    """In a contestant's process: prepares it, takes a round for each line of standard input, and exits."""
    if sys.argv[1:2] != ["--contestant"]:
        return
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keeps what libraries print out of the answers
    try:
        take_round = contestants[sys.argv[2]](*sys.argv[3:])
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=channel, flush=True)
        sys.exit()
    print(json.dumps({"ready": True}), file=channel, flush=True)
    for _ in sys.stdin:
        print(json.dumps(take_round()), file=channel, flush=True)
    sys.exit()


def median(rounds: Sequence[Round], column: str) -> float:
    """The median of a column, over the rounds that have it."""
    return statistics.median(figures[column] for figures in rounds if column in figures)


def show_ratios(results: Mapping[str, Sequence[Round]], columns: Mapping[str, str]) -> None:
    """Prints a table of each contestant's median, and of the ratios of the first one's figures to its own by round.

    Args:
        results: From `compete`; the first contestant is compared with the others.
        columns: The columns to show, and the format of their figures, such as {:,.0f}.
    """
    first = next(iter(results))
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name, rounds in results.items():
        cells = []
        for column, form in columns.items():
            cell = form.format(median(rounds, column))
            if name != first:
                pairs = zip(results[first], rounds, strict=True)
                ratios = [ours[column] / theirs[column] for ours, theirs in pairs if column in theirs]
                cell += f" ({statistics.median(ratios):.2f}: {min(ratios):.2f} to {max(ratios):.2f})"
            cells.append(cell)
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nIn brackets: {first} divided by this contestant, median and range of the rounds.", flush=True)
