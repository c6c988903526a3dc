"""The options of `predict` that answer with many workers, and what they do."""

import argparse
from collections.abc import Collection

from keras_textcnn.cli.arguments import Parser
from keras_textcnn.config import TrainConfig
from keras_textcnn.data.unlabelled import STANDARD_INPUT
from keras_textcnn.errors import InputError
from keras_textcnn.utils.log import logger

NEVER = ("explain", "top", "input_format", "runtime")  # with an engine
ALONE_NEVER = ("address", "workers")  # without one


def add_engine_options(parser: Parser) -> None:
    """Adds the options."""
    group = parser.group("many workers")
    group.add_argument(
        "--engine",
        choices=("ray",),
        help="answer with Ray Data: TEXT is a table, a folder of tables, or a pattern in quotation marks such as "
        "'corpus/*.parquet'; --output is a folder, which gets tables of the same format unless --format says "
        "otherwise, in the order of the rows, with a further column for the error of a row that fails; after an "
        "interruption, the same command goes on",
    )
    group.add_argument(
        "--address",
        help="Ray cluster, such as auto or 10.0.0.1:6379, whose machines see the files under the same paths "
        "(default: Ray starts on this machine)",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="most workers, each with one core (default: one for each core)"
    )


def check_engine(arguments: argparse.Namespace) -> None:
    """Raises InputError if options do not apply with an engine, or without one."""
    for name in NEVER if arguments.engine else ALONE_NEVER:
        if getattr(arguments, name) is not None:
            why = "does not apply to --engine" if arguments.engine else "is for --engine ray"
            raise InputError(f"--{name.replace('_', '-')} {why}; leave it out")
    if arguments.format == "parquet" and not arguments.engine:
        raise InputError("--format parquet is for --engine ray; write one file with --output FILE.parquet")
    if not arguments.engine:
        return
    if not arguments.output:
        raise InputError("--engine writes a folder; name it with --output")
    if arguments.file == STANDARD_INPUT:
        raise InputError("--engine does not read standard input; give a table, a folder of tables or a pattern")
    if arguments.workers is not None and arguments.workers < 1:
        raise InputError(f"--workers must be at least 1; received: {arguments.workers}")


def answer_with_engine(arguments: argparse.Namespace, config: TrainConfig, given: Collection[str]) -> None:
    """Answers the texts as the options say.

    Args:
        arguments: Those of `predict`.
        config: How the texts are read.
        given: Names of the settings of `config` that the user gave for these texts.
    """
    from keras_textcnn.scale.prediction.answering import Choices
    from keras_textcnn.scale.prediction.ray_job import predict_files

    count = predict_files(
        arguments.run,
        arguments.file,
        arguments.output,
        config=config,
        given=given,
        choices=Choices(
            probabilities=arguments.probabilities,
            reject_below=arguments.reject_below,
            threshold=arguments.threshold,
        ),
        output_format=arguments.format,
        address=arguments.address,
        workers=arguments.workers,
    )
    failed = f"{count.failed:,} of them failed, see the column of errors" if count.failed else "none failed"
    logger.info(f"{count}; {failed}; answered in {arguments.output}")
