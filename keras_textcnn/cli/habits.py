"""Options that users of other libraries type out of habit, and what they are called here."""

import difflib
import re
from collections.abc import Sequence

# The keys are in lower case, without hyphens and underscores.
HABITS = {
    **dict.fromkeys(
        ("epochs", "epoch", "nepochs", "numepochs", "maxepochs", "numtrainepochs", "maxiter"),
        "--frozen-epochs and --unfrozen-epochs, one for each phase",
    ),
    **dict.fromkeys(
        ("lr", "learningrateinit", "eta", "eta0"), "--learning-rate and --unfrozen-learning-rate, for each phase"
    ),
    **dict.fromkeys(("kernelsize", "kernelsizes", "filtersize", "filtersizes", "windowsize", "kernels"), "--windows"),
    **dict.fromkeys(("numfilters", "nfilters", "featuremaps", "channels", "outchannels"), "--filters"),
    **dict.fromkeys(
        ("maxlength", "maxlen", "maxseqlength", "seqlen", "sequencelength", "maxseqlen", "outputsequencelength"),
        "--maximum-tokens",
    ),
    **dict.fromkeys(
        ("maxtokens", "maxfeatures", "maxwords", "numwords", "vocabsize", "maxvocab", "maxvocabsize"),
        "--vocabulary-size",
    ),
    **dict.fromkeys(("mincount", "mindf", "minfreq", "minwordcount"), "--minimum-count"),
    **dict.fromkeys(("testsize", "testsplit"), "--test-fraction"),
    **dict.fromkeys(("validationsplit", "validationsize", "valsize", "valsplit", "devsize"), "--validation-fraction"),
    **dict.fromkeys(
        ("validation", "valid", "val", "dev", "devdata", "valdata", "evaldata", "autotunevalidation"),
        "--validation-data",
    ),
    **dict.fromkeys(("test", "testfile"), "--test-data"),
    **dict.fromkeys(("wordngrams", "ngram", "ngramrange"), "--ngrams"),
    **dict.fromkeys(("bucket", "nfeatures"), "--ngram-buckets"),
    **dict.fromkeys(
        ("dim", "embeddingdim", "embeddingsize", "embeddim", "outputdim", "dimension", "vectorsize"), "--dimensions"
    ),
    **dict.fromkeys(("minn", "maxn", "char", "chars", "analyzer"), "--model charcnn, or --tokenizer characters"),
    **dict.fromkeys(("batch", "bs", "batchsizes", "perdevicetrainbatchsize"), "--batch-size"),
    **dict.fromkeys(
        ("pretrainedvectors", "wordvectors", "glove", "word2vec", "embeddings", "embeddingfile", "wordembeddings"),
        "--vectors",
    ),
    **dict.fromkeys(("trainable", "freezeembeddings", "freezeembedding", "static"), "--freeze"),
    **dict.fromkeys(("dropoutrate", "droprate", "drop", "rate", "p"), "--dropout"),
    **dict.fromkeys(("hiddenunits", "units", "hiddendim", "hiddensize", "hiddenlayersizes", "dense"), "--hidden"),
    **dict.fromkeys(("poolsize", "maxpool"), "--pooling"),
    **dict.fromkeys(("earlystopping", "earlystoppingpatience", "earlystop", "niternochange"), "--patience"),
    **dict.fromkeys(("randomstate", "randomseed"), "--seed"),
    **dict.fromkeys(("cv", "kfold", "kfolds", "nfolds", "nsplits", "crossvalidation"), "--folds"),
    **dict.fromkeys(("loss", "multilabels", "multioutput", "ova"), "--multi-label where a text has several labels"),
    **dict.fromkeys(("classweights", "balanced"), "--class-weight"),
    **dict.fromkeys(("sampleweight", "sampleweights", "weight", "weightcol"), "--weight-column"),
    **dict.fromkeys(("fp16", "bf16", "mixedprecision", "dtype", "amp"), "--precision"),
    **dict.fromkeys(("input", "train", "traindata", "trainfile", "corpus", "dataset", "file", "i"), "CORPUS"),
    **dict.fromkeys(("outputdir", "out", "o", "savedir", "modeldir", "save", "logdir"), "--output"),
    **dict.fromkeys(("pretrained", "initfrom", "loadmodel", "finetune", "inputmodel", "checkpoint"), "--from"),
    **dict.fromkeys(("label", "labels", "target", "labelcol", "y", "labelfield"), "--label-column"),
    **dict.fromkeys(("text", "textcol", "x", "textfield", "inputcolumn"), "--text-column"),
    **dict.fromkeys(("sep", "separator"), "--delimiter"),
    **dict.fromkeys(("k", "topk"), "--top"),
    **dict.fromkeys(("l2", "regularization", "wd", "alpha"), "--weight-decay, with --optimizer adamw"),
}


def explain_unknown(arguments: Sequence[str], options: Sequence[str]) -> str:
    """A message about unknown arguments, with the option that was probably meant.

    Args:
        arguments: The unknown arguments, as the user typed them.
        options: The command's options.
    """
    named = next((argument for argument in arguments if argument.startswith("-")), None)
    if named is None:
        return f"unexpected argument: {arguments[0]}"
    name = named.split("=")[0]
    plain = re.sub("[-_]", "", name).lower()
    same = {re.sub("[-_]", "", option).lower(): option for option in options}
    if plain in same:
        return f"unknown option {name}; use {same[plain]}"
    if plain in HABITS and (HABITS[plain].split(",")[0].split(" ")[0] in {*options, "CORPUS"}):
        meant = "give the corpus without an option" if HABITS[plain] == "CORPUS" else f"use {HABITS[plain]}"
        return f"unknown option {name}; {meant}"
    close = difflib.get_close_matches(f"--{name.lstrip('-').replace('_', '-')}", options, n=1, cutoff=0.75)
    return f"unknown option {name}" + (f"; did you mean {close[0]}?" if close else "")
