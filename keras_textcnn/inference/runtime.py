"""Opens a run with the runtime that answers for it: NumPy alone where that is possible, otherwise TensorFlow."""

from pathlib import Path

from keras_textcnn.errors import InputError
from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.light.file import NAME
from keras_textcnn.persistence.run import Run, find_saved_model
from keras_textcnn.utils.inputs import as_path

LIGHT, TENSORFLOW = RUNTIMES = ("light", "tensorflow")
RUNTIME_HELP = (
    f"what answers: light, from {NAME}, with NumPy alone; or tensorflow, from the SavedModel (default: light where it "
    "is there)"
)


def find_model(directory: Run | Path | str, *, runtime: str | None = None) -> Path:
    """The file or the folder that answers: a `model.textcnn`, or a SavedModel.

    Args:
        directory: A run, its directory, a `model.textcnn`, or the folder of a SavedModel.
        runtime: "light": a `model.textcnn`; "tensorflow": a SavedModel; None: the first that is there.

    Raises:
        InputError: There is none, it is damaged, or the run is unfinished.
    """
    path = as_path(directory)
    if path.is_file():
        if runtime == TENSORFLOW:
            raise InputError(f"{path} is a file, which TensorFlow cannot load; leave --runtime out, or give a run")
        return path
    if path.suffix == Path(NAME).suffix and not path.exists():
        raise InputError(f"no such file: {path}; give a {NAME} or a run directory")
    run = Run(path)
    unfinished = (path / "config.json").exists() and not run.finished
    if runtime != TENSORFLOW and not unfinished and (run.has(NAME) or (path / NAME).is_file()):
        if run.has(NAME):
            run.check(NAME)
        return path / NAME
    saved_model = find_saved_model(path)
    if runtime == LIGHT:
        raise InputError(f"there is no {NAME} in {path}; leave --runtime out, or train again")
    return saved_model


def open_predictor(directory: Run | Path | str, *, runtime: str | None = None, ready: bool = False) -> Answers:
    """What answers for a run. TensorFlow is imported only if a SavedModel answers.

    Args:
        directory, runtime: As for `find_model`.
        ready: Whether to load now what is otherwise loaded once it pays, in the middle of an answer.

    Raises:
        InputError: As for `find_model`.

    Example:
        predictor = open_predictor("runs/reuters-r8")
    """
    model = find_model(directory, runtime=runtime)
    if model.is_file():
        from keras_textcnn.inference.light import LightPredictor

        predictor = LightPredictor(directory)
        if ready:
            predictor.load_kernels()
        return predictor
    from keras_textcnn.inference.predictor import Predictor

    return Predictor(directory)
