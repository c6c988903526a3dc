"""Runs every target on its seeds and on changed seeds, and in the stress run fuzzes each for ten minutes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.fuzzing.targets import TARGETS

FINDINGS = Path(__file__).with_name("findings")
CHANGED = {"corpus": 300, "vectors": 300, "run": 30, "texts": 30, "light": 200}


def change(data: bytes, random: np.random.Generator) -> bytes:
    """Flips bits, cuts out pieces and doubles pieces."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 4)):
        begin, end = sorted(random.integers(0, len(changed) + 1, 2).tolist())
        match random.integers(3):
            case 0 if changed:
                changed[begin % len(changed)] ^= 1 << random.integers(8)
            case 1:
                del changed[begin : min(end, begin + 50)]
            case 2:
                changed[begin:begin] = changed[begin : begin + 200]
    return bytes(changed)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_answered_or_refused(name: str) -> None:
    random = np.random.default_rng(0)
    run, seeds = TARGETS[name].run, TARGETS[name].seeds()
    for data in seeds:
        run(data)
    for path in sorted((FINDINGS / name).glob("*")):
        run(path.read_bytes())
    for _ in range(CHANGED[name]):
        run(change(seeds[random.integers(len(seeds))], random))


@pytest.mark.stress
@pytest.mark.parametrize("name", TARGETS)
def test_ten_minutes(name: str) -> None:
    """No crash, no input that takes 30 seconds, and at most 2 GiB, including TensorFlow's half a gigabyte."""
    pytest.importorskip("atheris", reason="pip install '.[fuzz]'")
    command = [sys.executable, "-m", "tests.fuzzing", name, "--seconds", "600"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    statistics = dict(re.findall(r"stat::(\w+): +(\d+)", done.stderr))
    print(f"{name}: {statistics['number_of_executed_units']} inputs, peak {statistics['peak_rss_mb']} MB")
