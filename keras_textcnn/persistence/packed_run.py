"""A run in a temporary folder that can be pickled: it travels as bytes and is unpacked where it is needed."""

import io
import shutil
import tempfile
import threading
import weakref
import zipfile
from pathlib import Path

from keras_textcnn.persistence.run import Run

LEFT_OUT = ("tensorboard", "checkpoints")  # of the bytes: what no answer needs


class TemporaryRun(Run):
    """A run whose path is gone with the process, so that it would be of no use in a notebook that is kept."""

    @property
    def place(self) -> str:
        """Where it is, as it is shown."""
        return "a temporary folder"


class PackedRun:
    """A run that exists as long as this object, which may be pickled and copied.

    Attributes:
        directory: The directory of the run; missing until it is trained or unpacked.
    """

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="keras_textcnn-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._bytes = b""
        self._lock = threading.Lock()
        self.directory = Path(folder) / "run"

    @classmethod
    def of(cls, run: Run) -> "PackedRun":
        """A copy of a finished run."""
        packed = cls()
        packed._bytes = _pack(run.directory)
        return packed

    @property
    def run(self) -> Run:
        """The finished run."""
        with self._lock:
            if self._bytes:
                with zipfile.ZipFile(io.BytesIO(self._bytes)) as archive:
                    archive.extractall(self.directory)
                self._bytes = b""
        return TemporaryRun.open(self.directory)

    def copy_to(self, directory: Path) -> None:
        """Copies the run into a folder that exists."""
        with zipfile.ZipFile(io.BytesIO(self.__getstate__())) as archive:
            archive.extractall(directory)

    def __getstate__(self) -> bytes:
        return self._bytes or _pack(self.directory)

    def __setstate__(self, content: bytes) -> None:
        self.__init__()  # type: ignore[misc]
        self._bytes = content


def _pack(directory: Path) -> bytes:
    """The files of a run as a ZIP archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory)
            if path.is_file() and name.parts[0] not in LEFT_OUT:
                archive.write(path, name.as_posix())
    return content.getvalue()
