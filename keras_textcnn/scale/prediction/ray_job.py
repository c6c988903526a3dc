"""A job on Ray Data: tables in, a folder of answered tables out; it goes on where it was stopped."""

import collections
import contextlib
import dataclasses
import hashlib
import pickle
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_textcnn.config import TrainConfig
from keras_textcnn.data.table_writers import Layout, check_names
from keras_textcnn.data.unlabelled import check_useful
from keras_textcnn.errors import InputError
from keras_textcnn.io.files import kind_of
from keras_textcnn.persistence.run import Run
from keras_textcnn.scale.prediction.answering import Choices, RowAnswers, read_model
from keras_textcnn.scale.prediction.job import COLUMNS, Done, FileEnd, Job, describe_files, part_name, write_part
from keras_textcnn.scale.prediction.progress import Count, counting
from keras_textcnn.scale.prediction.ray_session import import_ray, ray_session, readers_for
from keras_textcnn.scale.prediction.tables import (
    End,
    Part,
    columns_of_readable,
    common_layout,
    find_tables,
    part_bytes,
    read_parts,
)
from keras_textcnn.settings.data import TEXT_SETTINGS
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.log import log_lines

FORMATS = {"parquet": ".parquet", "csv": ".csv", "jsonl": ".jsonl"}
OWN_FORMAT = {".tsv": ".csv", ".json": ".jsonl", ".ndjson": ".jsonl"}
READER_CORES = 0  # that a task which reads a file asks for: it must never wait for workers, which wait for it


@dataclasses.dataclass(frozen=True)
class Plan:
    """What every worker needs to know.

    Attributes:
        files: The files of the job.
        config: How they are read.
        directory: The folder of the job.
        kind: The suffix of the answers.
        size: Bytes of packed rows in a part.
        layout: The columns of the answers.
        choices: What the answers are like.
        skipped: The finished parts, by the number of their file.
    """

    files: Sequence[Path]
    config: TrainConfig
    directory: Path
    kind: str
    size: int
    layout: Layout
    choices: Choices
    skipped: Mapping[int, frozenset[int]]


def predict_files(
    run: Run | Path | str,
    texts: str | Path,
    output: str | Path,
    *,
    config: TrainConfig,
    choices: Choices,
    given: Collection[str] = (),
    output_format: str | None = None,
    address: str | None = None,
    workers: int | None = None,
) -> Count:
    """Answers the rows of tables, and writes them with the answers into a folder.

    Args:
        run: A run, its directory, or a `model.textcnn`.
        texts: A file, a folder, or a pattern.
        output: The folder; if it holds the same job, unfinished, what is finished stays.
        config: How the tables are read.
        choices: What the answers are like.
        given: Names of the settings of `config` that were chosen for these texts; each must apply to their format.
        output_format: One of `FORMATS`; None: the format of the texts.
        address, workers: As for `ray_session`.

    Returns:
        The number of rows, and of those that were not answered.

    Raises:
        InputError: The run, the texts, the folder or Ray do not suit; or a file cannot be read to its end.
    """
    import_ray(quiet=True)
    output = as_path(output, "output")
    model, files = read_model(run), find_tables(str(as_path(texts, "texts")), output=output)
    if output.resolve().is_relative_to(Path(run).resolve()):
        raise InputError(f"a folder of the run: --output {output}; choose another one")
    check_useful(given, kind_of(files[0]), repr(str(texts)))
    kind = FORMATS[output_format] if output_format else _own_format(files[0])
    layout = common_layout(columns_of_readable(files, config))
    check_names(layout.names, kind)
    layout = dataclasses.replace(layout, added=RowAnswers(model, choices, layout.names).kinds)
    with Job.begin(output, _describe(model, files, config, choices, kind, layout)) as job:
        plan = Plan(files, config, output.resolve(), kind, 0, layout, choices, {})
        with _saying_how_to_go_on(job):
            return _finish(job, plan, model, address=address, workers=workers)


def _own_format(file: Path) -> str:
    return OWN_FORMAT.get(kind_of(file), kind_of(file))


def _describe(
    model: bytes, files: Sequence[Path], config: TrainConfig, choices: Choices, kind: str, layout: Layout
) -> dict[str, Any]:
    """What decides the answers, as JSON."""
    reading = {name: getattr(config, name) for name in TEXT_SETTINGS}
    answers = {"format": kind, **dataclasses.asdict(choices)}
    return {
        "model": hashlib.sha256(model).hexdigest(),
        "files": describe_files(files),
        "way to read": reading,
        "way to answer": answers,
        COLUMNS: _columns(layout, kind),
    }


def _columns(layout: Layout, kind: str) -> list[str]:
    """The columns that all parts have; objects have their own, and those that are added."""
    given = layout.names if layout.schema is None else [f"{field.name}: {field.type}" for field in layout.schema]
    return [*(() if kind == ".jsonl" else given), *layout.added]


@contextlib.contextmanager
def _saying_how_to_go_on(job: Job) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        rows = sum(done.rows for done in job.done.values())
        raise type(interrupt)(f"{rows:,} rows are answered in {job.directory}; the same command goes on") from None


def _finish(job: Job, plan: Plan, model: bytes, *, address: str | None, workers: int | None) -> Count:
    """Answers what is not answered yet."""
    open_files = [number for number in range(len(plan.files)) if not job.is_finished(number, plan.kind)]
    count = Count(len(plan.files))
    for done in job.done.values():
        count.keep(done)
    count.files = len(plan.files) - len(open_files)
    if open_files:
        with ray_session(address=address, workers=workers) as most:
            size = job.part_size(part_bytes(plan.files, most))
            skipped = {number: job.parts_of(number, plan.kind) for number in open_files}
            plan = dataclasses.replace(plan, size=size, skipped=skipped)
            problems = _run(job, plan, model, open_files, count, workers=most)
        if problems:
            more = f" (and {len(problems) - 1} more files)" if problems[1:] else ""
            raise InputError(f"{problems[0]}{more}; the other files are answered in {job.directory}")
    _check_whole(job, plan)
    return count


def _run(job: Job, plan: Plan, model: bytes, files: Sequence[int], count: Count, *, workers: int) -> list[str]:
    """Runs the job on Ray Data; returns what is wrong with files that could not be read to their ends."""
    problems, lines = list[str](), collections.Counter[str]()
    with counting(count) as changed, _every_row_a_block():
        for report in _reports(_dataset(plan, model, files, workers=workers)):
            if isinstance(report, Done):
                job.add(report)
                count.add(report)
            else:
                number, end = report
                job.add(FileEnd(number, end.parts, end.rows, end.problem))
                count.files += not end.problem
                problems += [end.problem] if end.problem else []
                lines.update(end.lines)
            changed()
    log_lines(lines)
    return problems


@contextlib.contextmanager
def _every_row_a_block() -> Iterator[None]:
    """Makes Ray Data send each row, which holds a part, to a worker of its own, and show no bars."""
    import ray

    context = ray.data.DataContext.get_current()
    before = context.target_max_block_size, context.enable_progress_bars
    context.target_max_block_size, context.enable_progress_bars = 1, False
    try:
        yield
    finally:
        context.target_max_block_size, context.enable_progress_bars = before


def _dataset(plan: Plan, model: bytes, files: Sequence[int], *, workers: int) -> Any:
    """The dataset whose rows are the reports of the workers."""
    import ray

    shared = ray.put(plan)
    return (
        ray.data.from_items([{"file": number} for number in files], override_num_blocks=len(files))
        .map_batches(
            _read,
            batch_size=1,
            num_cpus=READER_CORES,
            fn_kwargs={"plan": shared},
            compute=ray.data.TaskPoolStrategy(size=readers_for(workers)),
        )
        .map_batches(
            _PartAnswers,
            fn_constructor_args=(ray.put(model), shared),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        )
    )


def _reports(dataset: Any) -> Iterator[Any]:
    """The reports of the workers; an error of a worker is raised here, without what Ray has to say about it."""
    try:
        for row in dataset.iter_rows():
            yield pickle.loads(row["report"])
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        if cause is not None:
            raise InputError(str(cause)) from error
        raise RuntimeError(f"a worker failed: {str(error).strip().splitlines()[-1]}") from error


def _read(batch: dict[str, np.ndarray], plan: Any) -> Iterator[dict[str, Any]]:
    """What a task does: reads a file, whose parts are answered while it is read on."""
    import ray

    plan = ray.get(plan)
    [number] = batch["file"].tolist()
    for item in read_parts(plan.files[number], plan.config, size=plan.size, without=plan.skipped[number]):
        yield {"file": [number], "item": [pickle.dumps(item)]}


class _PartAnswers:
    """What an actor does: its model is opened once."""

    def __init__(self, model: Any, plan: Any) -> None:
        import ray

        self._plan: Plan = ray.get(plan)
        self._answers = RowAnswers(ray.get(model), self._plan.choices, self._plan.layout.names)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        [number], [packed] = batch["file"].tolist(), batch["item"]
        item = pickle.loads(packed)
        return {"report": [pickle.dumps((number, item) if isinstance(item, End) else self._write(number, item))]}

    def _write(self, number: int, part: Part) -> Done:
        plan = self._plan
        name = part_name(number, part.number, plan.kind)
        return write_part(plan.directory, name, part, self._answers, plan.layout)


def _check_whole(job: Job, plan: Plan) -> None:
    """Raises RuntimeError unless each file has as many rows answered as were read."""
    for number, end in job.ends.items():
        answered = sum(job.done[part_name(number, part, plan.kind)].rows for part in range(end.parts))
        if answered != end.rows:
            raise RuntimeError(f"{answered:,} of {end.rows:,} rows are answered of {plan.files[number]}; start again")
