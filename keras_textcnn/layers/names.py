"""Names by which layers of a model are found, and what the models that it is the sum of are called."""

EMBEDDING, STATIC_EMBEDDING = "embedding", "static_embedding"  # the second is Kim's channel that is never trained
EMBEDDING_DROPOUT, DISTINCT_TOKENS = "embedding_dropout", "distinct_tokens"
LOGITS, NGRAMS, VECTOR_MEAN, SUM = "logits", "ngrams", "vector_mean", "sum"

# The models that a conv1d model is the sum of, by the layer that their logits come from.
TITLES = {LOGITS: "convolution", NGRAMS: "n-grams", VECTOR_MEAN: "mean vector"}
