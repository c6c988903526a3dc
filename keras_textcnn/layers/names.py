"""The names of a model's layers, and the titles of the parts that a model is the sum of."""

EMBEDDING, STATIC_EMBEDDING = "embedding", "static_embedding"  # the second is Kim's static channel, never trained
EMBEDDING_DROPOUT, DISTINCT_TOKENS = "embedding_dropout", "distinct_tokens"
LOGITS, NGRAMS, VECTOR_MEAN, SUM = "logits", "ngrams", "vector_mean", "sum"
SUBWORDS = "subwords"  # no layer: its rows are added to those of the n-grams

# The titles of what a conv1d model is the sum of, by the name of the layer that gives its logits.
TITLES = {LOGITS: "convolution", NGRAMS: "n-grams", VECTOR_MEAN: "mean vector", SUBWORDS: "subwords"}
