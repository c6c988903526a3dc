"""Fuzzes one target for some time, guided by the code that each input reaches.

    pip install ".[fuzz]"
    python -m tests.fuzzing corpus --seconds 600

An input that crashes, hangs or takes too much memory is kept in `tests/fuzzing/findings/TARGET`, where the tests find
it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

MEMORY, SECONDS_AN_INPUT = 2048, 30  # MiB of the process, including TensorFlow's; and what counts as hanging

with atheris.instrument_imports(include=["keras_textcnn", "csv", "tarfile", "zipfile"], enable_loader_override=False):
    from tests.fuzzing.targets import TARGETS

FINDINGS = Path(__file__).with_name("findings")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        "python -m tests.fuzzing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    target = TARGETS[arguments.target]
    findings = FINDINGS / arguments.target
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, f"{number:03}").write_bytes(seed)
        flags = {
            "max_total_time": arguments.seconds,
            "seed": arguments.seed,
            "rss_limit_mb": MEMORY,
            "timeout": SECONDS_AN_INPUT,
            "max_len": 2**16,
            "artifact_prefix": f"{findings}/",
            "print_final_stats": 1,
        }
        options = [f"-{name}={value}" for name, value in flags.items()]
        atheris.Setup([sys.argv[0], *options, corpus, str(findings)], target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
