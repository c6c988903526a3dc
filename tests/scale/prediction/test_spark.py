"""Spark in local mode, which needs `pip install pyspark` and Java."""

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn import LightPredictor
from keras_textcnn.errors import InputError
from keras_textcnn.scale import spark_predictor
from tests.conftest import make_texts

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
TEXTS = [text for text, _ in make_texts(300, 5)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two cores, and three more attempts for a task that fails; only this machine can reach it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.memory": "1g"}
        builder = SparkSession.builder.master("local[2,4]").config(
            map=settings | {"spark.driver.bindAddress": "127.0.0.1"}
        )
        session = builder.getOrCreate()
    yield session
    session.stop()


def frame(spark: Any) -> Any:
    rows = [(number, TEXTS[number] if number else None, 2**60 + number, 7) for number in range(300)]
    return spark.createDataFrame(rows, "id bigint, body string, count bigint, label int").repartition(4)


@pytest.mark.parametrize("how", ["mapInArrow", "mapInPandas"])
def test_the_answers_are_those_of_one_process(how: str, spark: Any, finished_run: Path) -> None:
    df = frame(spark)
    predict = spark_predictor(finished_run, text_column="body", probabilities=True)
    answered = getattr(df, how)(predict, schema=predict.schema(df))
    assert answered.columns[:6] == ["id", "body", "count", "label", "predicted_label", "probability"]
    rows = sorted(answered.collect())
    assert [tuple(row[:4]) for row in rows] == sorted(tuple(row) for row in df.collect())
    expected = LightPredictor(finished_run)([row["body"] or "" for row in rows])
    for row, one in zip(rows, expected, strict=True):
        assert (row["predicted_label"], row["error"]) == (one["label"], None)
        assert row["probability"] == pytest.approx(one["probability"], abs=1e-6)
        assert row["probability_sea"] == pytest.approx(one["probabilities"]["sea"], abs=1e-6)


def test_names_that_differ_in_case_are_written(spark: Any, finished_run: Path, tmp_path: Path) -> None:
    df = spark.createDataFrame([("apple", "x", 1)], "body string, Label string, PROBABILITY int")
    predict = spark_predictor(finished_run, text_column="body")
    answered = df.mapInArrow(predict, schema=predict.schema(df))
    answered.write.parquet(str(tmp_path / "answers"))
    [row] = spark.read.parquet(str(tmp_path / "answers")).collect()
    assert list(row.asDict())[1:4] == ["Label", "PROBABILITY", "predicted_label"]


def test_a_killed_worker_loses_and_doubles_nothing(spark: Any, finished_run: Path, tmp_path: Path) -> None:
    df, predict, mark = frame(spark), spark_predictor(finished_run, text_column="body"), tmp_path / "died"

    def predict_and_die(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in predict(batches):
            yield batch
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    rows = df.mapInPandas(predict_and_die, schema=predict.schema(df)).collect()
    assert mark.exists()
    assert sorted(row["id"] for row in rows) == list(range(300))


def test_workers_have_no_tensorflow(spark: Any, finished_run: Path) -> None:
    df, predict = frame(spark), spark_predictor(finished_run, text_column="body")

    def watch(batches: Iterator[Any]) -> Iterator[Any]:
        import sys

        import pandas

        for _ in predict(batches):
            yield pandas.DataFrame({"heavy": [sum(name in sys.modules for name in ("tensorflow", "keras"))]})

    assert {row["heavy"] for row in df.mapInPandas(watch, schema="heavy long").collect()} == {0}


def test_wrong_columns_show_before_anything_is_answered(spark: Any, finished_run: Path) -> None:
    with pytest.raises(InputError, match="no column 'text' in the rows; found: 'id', 'body'"):
        spark_predictor(finished_run).schema(frame(spark))
