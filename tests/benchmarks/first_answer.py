"""What it takes to answer one text: seconds of a fresh process, its memory, and the disk for all that it needs.

    pip install ".[benchmark,fast]"
    python tests/benchmarks/first_answer.py RUN

RUN is a finished run of Reuters R8. Each contestant has a saved model and answers one text in a process of its own;
they take turns. Disk is the model and the installed packages that the process has imported, without Python. Works on
Linux.
"""

import pickle
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from contestants import train_fasttext, train_linear
from corpora import read_texts

ROUNDS = 9
TEXT = "profits rose in the second quarter"
SITE = Path(sysconfig.get_paths()["purelib"])
# Each ends by telling its peak memory, in KiB, and the packages that it has imported.
TOLD = """
import sys
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], *{name.split(".")[0] for name in sys.modules}, file=sys.stderr)
"""
COMMAND = "import sys; sys.argv = ['predict', {run!r}, {text!r}, '--runtime', {runtime!r}]; "
COMMAND += "from keras_textcnn.predict import main; main()"
CONTESTANTS = {
    "light": COMMAND.replace("{runtime!r}", "'light'"),
    "SavedModel": COMMAND.replace("{runtime!r}", "'tensorflow'"),
    "fastText": "import fasttext; print(fasttext.load_model({folder!r} + '/fasttext.bin').predict([{text!r}]))",
    "TF-IDF + LinearSVC": "import pickle; model = pickle.load(open({folder!r} + '/linear.pickle', 'rb')); "
    "print(model.predict([{text!r}]))",
}


def main() -> None:
    """Trains the peers, takes the rounds and prints the table."""
    run = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        models = {
            "light": [run / "model.textcnn"],
            "SavedModel": [run / "saved_model"],
            **train_peers(Path(folder)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        memory: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        packages: dict[str, set[str]] = {}
        for _ in range(ROUNDS):
            for name, code in CONTESTANTS.items():
                code = code.format(run=str(run), text=TEXT, folder=folder)
                took, peak, packages[name] = answer(code)
                seconds[name].append(took)
                memory[name].append(peak)
        print("| | first answer, s | peak memory, MiB | on disk, MB | of which the model |\n|---|---|---|---|---|")
        for name in CONTESTANTS:
            model = sum(map(size_of, models[name]))
            whole = model + sum(size_of(path) for package in packages[name] for path in files_of(package))
            took = f"{statistics.median(seconds[name]):.2f} ({min(seconds[name]):.2f} to {max(seconds[name]):.2f})"
            peak = statistics.median(memory[name])
            print(f"| {name} | {took} | {peak:,.0f} | {whole / 1e6:,.0f} | {model / 1e6:,.1f} |")


def train_peers(folder: Path) -> dict[str, list[Path]]:
    """Trains and saves the peers."""
    train = read_texts("reuters-r8")["train"]
    fasttext, classifier = folder / "fasttext.bin", folder / "linear.pickle"
    train_fasttext(*train).save_model(str(fasttext))
    classifier.write_bytes(pickle.dumps(train_linear(*train)))
    return {"fastText": [fasttext], "TF-IDF + LinearSVC": [classifier]}


def answer(code: str) -> tuple[float, float, set[str]]:
    """Runs code in a fresh process: its seconds, its peak memory in MiB, and the packages that it imported."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + TOLD], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode or not done.stdout:
        raise SystemExit(done.stderr)
    peak, *packages = done.stderr.splitlines()[-1].split()
    return seconds, int(peak) / 1024, set(packages)


def files_of(package: str) -> list[Path]:
    """What is installed of a package: its folder or module, and the libraries that came with it."""
    candidates = [SITE / package, SITE / f"{package}.libs", *SITE.glob(f"{package}.py"), *SITE.glob(f"{package}.*.so")]
    return [path for path in candidates if path.exists()]


def size_of(path: Path) -> int:
    """The bytes of a file or folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")


if __name__ == "__main__":
    main()
