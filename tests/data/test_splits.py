import numpy as np
import pytest
from sklearn.preprocessing import MultiLabelBinarizer

from keras_textcnn.data.corpus import SPLITS, TEST, TRAIN, VALIDATION, Corpus, Label, assign_splits
from keras_textcnn.data.splits import limit_held_out, split_corpus, split_texts
from keras_textcnn.errors import InputError

FRACTIONS = {"validation_fraction": 0.1, "test_fraction": 0.2}


def draw_labels(random: np.random.Generator, texts: int, labels: int, mean: float = 2.0) -> list[tuple[str, ...]]:
    """Draws sets of labels, some of them empty; the first labels are the most frequent."""
    shares = 1 / np.arange(1, labels + 1)
    sizes = random.poisson(mean, texts)
    drawn = (random.choice(labels, size, p=shares / shares.sum()) for size in sizes)
    return [tuple(sorted({f"label {label:03}" for label in its.tolist()})) for its in drawn]


def split(
    labels: list[tuple[str, ...]], *, seed: int = 0, fold: tuple[int, int] | None = None, given: list[int] | None = None
) -> np.ndarray:
    """The split of each text: int (texts,)."""
    label_sets: list[Label] = [*sorted(set(labels))]
    rows = np.array([label_sets.index(label) for label in labels], np.int32)
    splits = np.array(given or [TRAIN] * len(labels), np.int8)
    return split_texts(label_sets, rows, splits, **FRACTIONS, seed=seed, fold=fold)[0]


def matrix(labels: list[tuple[str, ...]]) -> np.ndarray:
    """bool (texts, labels); the last column is for texts without labels."""
    found = MultiLabelBinarizer().fit_transform(labels).astype(bool)
    return np.column_stack([found, ~found.any(axis=1)])


@pytest.mark.parametrize(("texts", "labels"), [(400, 5), (3000, 20), (5000, 50)])
def test_each_part_has_its_share_of_every_label(texts: int, labels: int) -> None:
    drawn = draw_labels(np.random.default_rng(labels), texts, labels)
    assigned, having = split(drawn), matrix(drawn)
    whole = having.sum(axis=0)
    test, validation = (having[assigned == part].sum(axis=0) for part in (TEST, VALIDATION))
    assert np.abs(test - 0.2 * whole).max() <= 1
    assert np.abs(validation - 0.1 * (whole - test)).max() <= 1
    assert (assigned == TEST).sum() == pytest.approx(0.2 * texts, rel=0.1)
    assert (assigned == VALIDATION).sum() == pytest.approx(0.08 * texts, rel=0.1)


def test_no_label_is_lost() -> None:
    tried = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        drawn = draw_labels(random, int(random.integers(6, 60)), int(random.integers(2, 25)), random.uniform(0.3, 5))
        folds = int(random.integers(3, 7))
        for fold in (None, (int(random.integers(1, folds + 1)), folds)):
            try:
                assigned = split(drawn, seed=seed, fold=fold)
            except InputError as error:
                assert "too few texts to split" in str(error)  # noqa: PT017
                counts = matrix(drawn).sum(axis=0)
                least = [counts[its].min() for its in matrix(drawn)]
                assert np.sum(np.array(least) > 2) <= 3
                continue
            tried += 1
            assert {*assigned.tolist()} == {TRAIN, VALIDATION, TEST}
            having = matrix(drawn)[:, :-1]
            np.testing.assert_array_equal(having[assigned == TRAIN].any(axis=0), having.any(axis=0))
            rare = (matrix(drawn).sum(axis=0) <= 2) & matrix(drawn)
            assert (assigned[rare.any(axis=1)] == TRAIN).all()  # too few for every part
    assert tried > 600


@pytest.mark.parametrize(("texts", "labels", "folds"), [(300, 6, 3), (2000, 30, 10)])
def test_folds_are_a_partition_with_as_many_of_each_label(texts: int, labels: int, folds: int) -> None:
    drawn = draw_labels(np.random.default_rng(folds), texts, labels)
    assigned = [split(drawn, fold=(fold, folds)) for fold in range(1, folds + 1)]
    tested = np.stack([splits == TEST for splits in assigned])
    np.testing.assert_array_equal(tested.sum(axis=0), 1)
    having = matrix(drawn)
    counts = np.stack([having[chosen].sum(axis=0) for chosen in tested])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(tested.sum(axis=1)) <= 4
    for splits in assigned:
        validation = having[splits == VALIDATION].sum(axis=0)
        assert np.abs(validation - 0.1 * having[splits != TEST].sum(axis=0)).max() <= 3
        assert having[splits == TRAIN].any(axis=0).all()


def test_a_label_that_always_stands_beside_rarer_ones_stays_in_training() -> None:
    # All texts of "x" also have one of the rarer labels, which alone would send all of them to other parts.
    drawn = [("x", f"y{number}") for number in range(3)] + [(f"y{number}",) for number in range(3)] * 3 + [("z",)] * 30
    for seed in range(200):
        assigned = split(drawn, seed=seed)
        assert (assigned[:3] == TRAIN).any(), seed
        for fold in (1, 2, 3):
            assert (split(drawn, seed=seed, fold=(fold, 3))[:3] == TRAIN).any(), seed


def test_the_seed_fixes_the_split_and_what_is_given_stays() -> None:
    drawn = draw_labels(np.random.default_rng(1), 300, 8)
    again = [split(drawn, seed=seed).tolist() for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
    given = [TEST] * 50 + [TRAIN] * 250
    assigned = split(drawn, given=given)
    np.testing.assert_array_equal(assigned == TEST, np.array(given) == TEST)
    training = matrix(drawn)[50:]
    assert np.abs(training[assigned[50:] == VALIDATION].sum(axis=0) - 0.1 * training.sum(axis=0)).max() <= 1
    assert split(drawn, given=[TRAIN, VALIDATION, TEST] * 100).tolist() == [TRAIN, VALIDATION, TEST] * 100
    with pytest.raises(InputError, match="--folds tests on the training texts, but the corpus has test texts"):
        split(drawn, given=given, fold=(1, 3))


def test_one_label_a_text_is_split_as_ever() -> None:
    random = np.random.default_rng(0)
    for seed in range(20):
        labels = random.choice(["b", "a", "d", "c"], 200, p=[0.6, 0.3, 0.08, 0.02]).tolist()
        _, rows = np.unique(labels, return_inverse=True)
        for fold in (None, (2, 5)):
            expected = assign_splits(np.zeros(200, np.int8), rows, **FRACTIONS, seed=seed, fold=fold)
            found = split_corpus(Corpus(["text"] * 200, labels), **FRACTIONS, seed=seed, fold=fold)
            assert list(found.splits) == [SPLITS[part] for part in expected.tolist()]
    # Copied from the version that had only one way to split.
    rows = np.array([0, 1, 0, 0, 1, 1, 0, 0, 1, 0] * 2)
    expected = assign_splits(np.zeros(20, np.int8), rows, **FRACTIONS, seed=3)
    assert "".join(map(str, expected.tolist())) == "00000000000020200112"


@pytest.mark.parametrize(
    "labels", [[("a", str(number)) for number in range(20)], [("a", "b"), ("a",), ("b",), ()], [("a",), ("a",)]]
)
def test_refuses_what_cannot_be_split(labels: list[tuple[str, ...]]) -> None:
    with pytest.raises(InputError, match="no texts to split off for test: every text has a label with too few"):
        split(labels)


def test_only_as_many_texts_are_held_out_as_may_be_and_equal_ones_stay_together() -> None:
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 500, dtype=np.uint64)[random.integers(0, 500, 3000)]  # six of each
    folds = np.where(hashes % np.uint64(9) == 0, 0, 1 + hashes % np.uint64(5)).astype(np.int64)
    limited = limit_held_out(folds, hashes, most=300)
    held_out = limited > 0
    assert 280 < held_out.sum() <= 300
    np.testing.assert_array_equal(limited[held_out], folds[held_out])
    assert not set(hashes[held_out]) & set(hashes[~held_out & (folds > 0)])
    few = limit_held_out(folds, hashes, most=8)
    assert np.unique(few).tolist() == [*range(few.max() + 1)]  # no fold is empty
