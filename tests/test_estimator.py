"""`TextCNNClassifier` in scikit-learn's tools, on pandas input, saved, loaded and asked by several threads."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from keras_textcnn import Corpus, LightPredictor, Predictor, Run, TextCNNClassifier, TrainConfig
from keras_textcnn.errors import InputError
from keras_textcnn.training.trainer import train
from tests.conftest import make_texts
from tests.runs import Cli

SMALL: dict[str, Any] = {
    "vectors": "none",
    "dimensions": 8,
    "windows": (1, 2),
    "filters": 4,
    "frozen_epochs": 0,
    "unfrozen_epochs": 1,
    "inner_folds": 2,
}
pytestmark = pytest.mark.usefixtures("without_reports")


def make_frame(texts: int = 60) -> pd.DataFrame:
    """Texts with string labels and int labels, indexed by something else than positions."""
    pairs = make_texts(texts, 3)
    frame = pd.DataFrame(pairs, columns=["text", "label"], index=range(100, 100 + len(pairs)))
    frame["number"] = frame["label"].map({"fruit": 10, "metal": 9, "sea": -1})
    return frame


FRAME = make_frame()
OTHERS = make_frame(90)["text"].iloc[60:]


@pytest.fixture(scope="module")
def fitted() -> TextCNNClassifier:
    return TextCNNClassifier(**SMALL).fit(FRAME["text"], FRAME["label"])


def test_a_recipe_gives_the_parameters_and_its_runs_name_it() -> None:
    small = {"dimensions": 8, "filters": 4, "unfrozen_epochs": 1, "random_state": 3}
    classifier = clone(TextCNNClassifier.from_recipe("kim2014-rand", **small))
    assert (classifier.optimizer, tuple(classifier.windows), classifier.random_state) == ("adadelta", (3, 4, 5), 3)
    classifier.fit(FRAME["text"], FRAME["label"])
    recipe = classifier.run_.read_json("config.json")["recipe"]
    assert (recipe["name"], recipe["overridden"]) == ("kim2014-rand", ["dimensions", "filters", "unfrozen_epochs"])
    with pytest.raises(TypeError, match="has no parameter 'colour'"):
        TextCNNClassifier.from_recipe("kim2014-rand", colour="red")
    assert TextCNNClassifier.from_recipe("kim2014-rand", optimizer="adam").unfrozen_learning_rate is None


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("kim2014-rand", {"model": "charcnn"}, "the recipe kim2014-rand is for model conv1d; received: charcnn"),
        ("kim2014-rand", {"from_run": "x"}, "the recipe kim2014-rand does not apply with from_run, which takes"),
        ("kim", {}, "no recipe 'kim'"),
        (None, {}, "a recipe must be a name or a JSON file; received: NoneType None"),
    ],
)
def test_a_recipe_that_does_not_apply_is_refused_in_words_of_python(
    name: Any, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=f"^{message}") as raised:
        TextCNNClassifier.from_recipe(name, **given)
    assert "--" not in str(raised.value)


@pytest.fixture(scope="module")
def numbered() -> TextCNNClassifier:
    """Fitted to int labels."""
    return TextCNNClassifier(**SMALL).fit(FRAME["text"], FRAME["number"])


def test_its_parameters_are_the_settings(fitted: TextCNNClassifier) -> None:
    parameters = TextCNNClassifier().get_params()
    assert parameters.pop("random_state") == 0
    assert parameters == {name: getattr(TrainConfig(), name) for name in parameters}
    assert {"model", "windows", "batch_size", "unfrozen_learning_rate", "tokenizer", "patience"} <= {*parameters}
    with pytest.raises(
        TypeError, match="no parameter 'epochs'; there are frozen_epochs, unfrozen_epochs, ngram_epochs"
    ):
        TextCNNClassifier(epochs=3)
    with pytest.raises(InputError, match=r"^unfrozen_epochs must be at least 0; received: -1"):
        TextCNNClassifier(unfrozen_epochs=-1).fit(["a"], ["b"])
    assert "TextCNNClassifier(dimensions=8" in repr(fitted)


def test_it_is_the_training_of_the_command(fitted: TextCNNClassifier, tmp_path: Path) -> None:
    config = TrainConfig(**SMALL, test_fraction=0.0)
    run = train(config, Corpus(FRAME["text"], FRAME["label"]), tmp_path / "run")
    ours, theirs = fitted.predict_proba(OTHERS), Predictor(run).probabilities(OTHERS)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert fitted.run_.metrics["test"] is None
    assert fitted.n_iter_ == len(run.history)
    assert fitted.history_["loss"] == [row["loss"] for row in run.history]


def test_cross_val_score_on_a_frame() -> None:
    scores = cross_val_score(TextCNNClassifier(**SMALL), FRAME["text"], FRAME["label"], cv=2)
    assert scores.shape == (2,)
    assert scores.mean() > 0.6  # a third by chance


def strip(texts: Any) -> Any:
    return texts.str.strip()


@pytest.mark.usefixtures("without_learning")  # the linear part learns
def test_a_pipeline_and_a_grid_search() -> None:
    pipeline = Pipeline([("strip", FunctionTransformer(strip)), ("classify", TextCNNClassifier(**SMALL))])
    half = [(np.arange(30), np.arange(30, 60))]  # one split, since each fit takes seconds
    search = GridSearchCV(pipeline, {"classify__filters": [2, 4]}, cv=half).fit(FRAME["text"], FRAME["number"])
    assert search.best_params_["classify__filters"] in (2, 4)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert search.predict(FRAME["text"]).dtype == FRAME["number"].dtype
    pipeline.set_output(transform="pandas")


def test_it_can_be_calibrated(fitted: TextCNNClassifier) -> None:
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted)).fit(FRAME["text"], FRAME["label"])
    np.testing.assert_allclose(calibrated.predict_proba(OTHERS).sum(axis=1), 1)


ELSEWHERE = """
import json, sys
import joblib
classifier = joblib.load(sys.argv[1])
texts = json.loads(sys.argv[2])
print(json.dumps([classifier.predict(texts).tolist(), classifier.predict_proba(texts).tolist()]))
"""


def test_joblib_brings_it_to_another_process(numbered: TextCNNClassifier, tmp_path: Path) -> None:
    joblib.dump(numbered, tmp_path / "classifier.joblib")
    texts = OTHERS.tolist()
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "classifier.joblib"), json.dumps(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    predicted, probabilities = json.loads(done.stdout)
    assert predicted == numbered.predict(texts).tolist()
    np.testing.assert_allclose(probabilities, numbered.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize("name", ["fitted", "numbered"])
def test_saved_it_is_a_run_that_the_commands_open(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, cli: Cli
) -> None:
    classifier = request.getfixturevalue(name)
    run = classifier.save(tmp_path / "run")
    assert cli("predict", run.directory, "an apple").status == 0
    loaded = TextCNNClassifier.load(str(tmp_path / "run"))
    assert loaded.classes_.dtype == classifier.classes_.dtype
    assert loaded.predict(OTHERS).tolist() == classifier.predict(OTHERS).tolist()
    assert loaded.get_params()["filters"] == 4
    with pytest.raises(InputError, match="already holds a run"):
        classifier.save(tmp_path / "run")
    run.add("estimator.json", {"kind": "one label", "classes": [["code", "x"]]})  # its checksum is right
    with pytest.raises(InputError, match="damaged run: .*estimator.json"):
        TextCNNClassifier.load(tmp_path / "run")
    (tmp_path / "run" / "estimator.json").write_text("{}")
    with pytest.raises(InputError, match="damaged run: .*estimator.json"):
        TextCNNClassifier.load(tmp_path / "run")


def test_a_run_of_the_command_is_loaded(finished_run: Path) -> None:
    classifier = TextCNNClassifier.load(Run.open(finished_run))
    assert classifier.classes_.tolist() == ["fruit", "metal", "sea"]
    np.testing.assert_array_equal(
        classifier.predict_proba(["the apple"]), LightPredictor(finished_run).probabilities(["the apple"])
    )


def test_sets_of_labels_come_back_as_sets() -> None:
    labels = [(*{label, "all"},) for label in FRAME["label"]]
    classifier = TextCNNClassifier(**SMALL).fit(FRAME["text"], labels)
    assert classifier.classes_.tolist() == ["all", "fruit", "metal", "sea"]
    predicted = classifier.predict(FRAME["text"])
    assert all("all" in labels for labels in predicted)
    expected = np.mean([set(one) == set(other) for one, other in zip(predicted, labels, strict=True)])
    assert classifier.score(FRAME["text"], labels) == pytest.approx(expected)


def test_a_matrix_of_probabilities_is_learnt() -> None:
    columns = ["fruit", "metal", "sea"]
    soft = pd.DataFrame(0.2, index=FRAME.index, columns=columns)
    for label in columns:
        soft.loc[FRAME["label"] == label, label] = 0.6
    classifier = TextCNNClassifier(**{**SMALL, "unfrozen_epochs": 4, "ngrams": 0}).fit(FRAME["text"], soft)
    assert classifier.classes_.tolist() == columns
    assert classifier.run_.config().task.several is False
    assert classifier.score(FRAME["text"], soft) == classifier.score(FRAME["text"], FRAME["label"])


def test_validation_data_decide_and_callbacks_are_called() -> None:
    epochs: list[int] = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    settings = {**SMALL, "inner_folds": 0, "unfrozen_epochs": 2, "ngrams": 0, "refit": False}
    more = make_frame(90).iloc[60:]
    classifier = TextCNNClassifier(**settings).fit(
        FRAME["text"], FRAME["label"], validation_data=(more["text"], more["label"]), callbacks=[callback]
    )
    assert epochs == [0, 1]
    assert classifier.run_.metrics["validation"]["support"] == len(more)
    assert all(loss is not None for loss in classifier.history_["val_loss"])


def build_own(vocabulary_size: int, num_classes: int, *, filters: int = 3) -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(vocabulary_size, filters)(ids)
    return keras.Model(ids, keras.layers.Dense(num_classes)(keras.layers.GlobalAveragePooling1D()(embedded)))


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_ones_own() -> None:
    settings = {name: SMALL[name] for name in ("frozen_epochs", "unfrozen_epochs", "inner_folds")}
    classifier = TextCNNClassifier(model=build_own, filters=5, **settings).fit(FRAME["text"], FRAME["label"])
    assert classifier.predict_proba(OTHERS).shape == (len(OTHERS), 3)
    assert classifier.run_.read_json("config.json")["settings"]["model"].endswith(":build_own")


def test_threads_get_the_answers_that_one_gets(fitted: TextCNNClassifier) -> None:
    loaded = joblib.load(_dumped(fitted))  # asked for the first time by all at once
    expected, found = fitted.predict_proba(OTHERS), dict[int, np.ndarray]()

    def ask(number: int) -> Callable[[], None]:
        return lambda: found.setdefault(number, loaded.predict_proba(OTHERS))

    threads = [threading.Thread(target=ask(number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(found[number], expected, atol=1e-6)


def _dumped(classifier: TextCNNClassifier) -> Any:
    import io

    content = io.BytesIO()
    joblib.dump(classifier, content)
    content.seek(0)
    return content


def test_another_random_state_is_another_fit(fitted: TextCNNClassifier) -> None:
    one = TextCNNClassifier(**SMALL, random_state=np.random.RandomState(3)).fit(FRAME["text"], FRAME["label"])
    assert (one.predict_proba(OTHERS) != fitted.predict_proba(OTHERS)).any()
    assert one.run_.config().seed == np.random.RandomState(3).randint(2**31 - 1)


def test_a_notebook_shows_its_run(fitted: TextCNNClassifier) -> None:
    shown = fitted._repr_mimebundle_()["text/html"]
    assert "TextCNNClassifier" in shown
    assert "accuracy" in shown
    assert "accuracy" not in TextCNNClassifier()._repr_mimebundle_()["text/html"]


def test_not_fitted_it_says_so() -> None:
    for method in ("predict", "predict_proba", "decision_function", "explain"):
        with pytest.raises(NotFittedError):
            getattr(TextCNNClassifier(), method)(["a"])
    with pytest.raises(NotFittedError):
        TextCNNClassifier().save("nowhere")


def test_a_column_without_a_text_has_the_probability_zero() -> None:
    """As in a fold of a cross-validation that lacks a rare label."""
    matrix = np.array([[label == "fruit", label != "fruit", False] for label in FRAME["label"]]).astype(int)
    classifier = TextCNNClassifier(**SMALL).fit(FRAME["text"], matrix)
    probabilities = classifier.predict_proba(OTHERS)
    assert probabilities.shape == (len(OTHERS), 3)
    assert (probabilities[:, 2] == 0).all()
    assert (probabilities[:, :2] > 0).all()
    assert (classifier.predict(OTHERS)[:, 2] == 0).all()
    assert classifier.classes_.tolist() == [0, 1, 2]


def test_it_starts_from_a_run_with_the_model_of_that_run(fitted: TextCNNClassifier, tmp_path: Path) -> None:
    run = fitted.save(tmp_path / "run")
    classifier = TextCNNClassifier(from_run=str(run.directory), unfrozen_epochs=1).fit(FRAME["text"], FRAME["label"])
    assert classifier.run_.config().filters == SMALL["filters"]
    with pytest.raises(InputError, match="filters is taken from the run: 4; leave it out"):
        TextCNNClassifier(from_run=run.directory, filters=9).fit(FRAME["text"], FRAME["label"])
