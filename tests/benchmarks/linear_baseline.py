"""The scores of the linear model that every run is compared with, on a corpus, without training a network.

    python tests/benchmarks/linear_baseline.py --data reuters-r8
    python tests/benchmarks/linear_baseline.py --data pairs/ --multi-label ";" --class-weight balanced

Takes the options of `keras_textcnn.train` and prints the linear model's scores as in its results table and
`metrics.json`: accuracy and macro F1, in percent, on the validation and the test texts.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    """Prints a line of scores."""
    from keras_textcnn.cli.arguments import Parser
    from keras_textcnn.config import GROUPS, TrainConfig
    from keras_textcnn.data.corpus import TRAIN, VALIDATION, Corpus
    from keras_textcnn.data.loading import locate, make_reader, read_records
    from keras_textcnn.data.preprocessing import encode_corpus
    from keras_textcnn.data.splits import deal_folds
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.training.linear_baseline import measure_baseline
    from keras_textcnn.training.preparation import count_texts

    parser = Parser("train", usage="--data CORPUS [options]", description=__doc__ or "", examples="")
    parser.add_options(GROUPS)
    given = vars(parser.parse_args())
    del given["debug"]
    config = TrainConfig(**given).resolved()
    named = {"train": config.data, "validation": config.validation_data, "test": config.test_data}
    sources = {split: locate(data) for split, data in named.items() if data}
    corpus = Corpus.of(read_records(sources, make_reader(config, config.data)))
    config = config.resolved(**count_texts(config, corpus))
    tokenized = tokenize_corpus(corpus.records(), tokenizer=config.tokenizer)
    encoded = encode_corpus(config, tokenized)
    refit = bool(config.refit) and VALIDATION not in tokenized.splits
    targets = encoded.examples["train"].sparse_targets
    hashes = tokenized.hashes[encoded.splits == TRAIN]
    folds = deal_folds(targets, hashes, folds=config.inner_folds, seed=config.seed) if config.inner_folds else None
    scores, _ = measure_baseline(config, tokenized, encoded, refit=refit, folds=folds)
    shown = (
        f"{split} {100 * scores[split]['accuracy']:.2f} ({100 * scores[split]['macro_f1']:.2f})"
        for split in ("validation", "test")
    )
    print(f"{config.data}: {scores['name']}: {', '.join(shown)}")


if __name__ == "__main__":
    main()
