"""What a run that starts from another takes from it."""

from keras_textcnn.settings.data import CORPUS_SETTINGS

# What it takes from it in any case.
ARCHITECTURE = (
    *("model", "windows", "filters", "poolings", "pooling", "hidden", "multichannel"),
    *("tokenizer", "embedding", "alphabet", "dimensions", "maximum_tokens", "ngrams", "ngram_buckets", "ngram_words"),
    *("ngram_svm", "vector_mean"),
)
# And what it takes from it unless given: how the model is regularized, computed and balanced, how the corpus is read.
INHERITED = (
    *("vectors", "dropout", "embedding_dropout", "max_norm", "precision", "class_weight", "sampling", "focal_gamma"),
    *(name for name in CORPUS_SETTINGS if name != "weight_column"),  # new texts need not have one
)
