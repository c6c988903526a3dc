"""`LightPredictor`: the answers of a `model.textcnn`, without TensorFlow."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from keras_textcnn.errors import InputError
from keras_textcnn.inference.answers import Answers
from keras_textcnn.inference.explanations import Explanation, compose, explain_windows
from keras_textcnn.inference.light.arrays import Arrays
from keras_textcnn.inference.light.chain import ChainNetwork
from keras_textcnn.inference.light.encoder import Encoder
from keras_textcnn.inference.light.file import DAMAGES, NAME, Content, damaged, read_file
from keras_textcnn.inference.light.spec import Spec, check_strings
from keras_textcnn.inference.light.windows import WindowNetwork
from keras_textcnn.presets import TOKENIZERS
from keras_textcnn.text.code_points import CodePoints
from keras_textcnn.text.plain_tokenizers import PlainTokenizer
from keras_textcnn.utils.inputs import as_path
from keras_textcnn.utils.log import logger

CHUNK = 64  # texts whose features are in memory at once
THREADS = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 4)
ANSWERED = 10_000  # texts, from which on the import of numba pays


class LightPredictor(Answers):
    """What answers from a `model.textcnn`; only NumPy is needed. Safe to use from several threads, and after a fork.

    Args:
        path: The file, or the directory of a run that has one.
        fast: Whether loops compiled by numba (the extra `[fast]`) compute the answers, which are the same. None: where
            numba is installed, once so many texts have been answered that its import pays.
        threads: Most threads that answer at the same time (default: one for each core, at most four).

    Attributes:
        network: From the ids of texts to logits.

    Raises:
        InputError: There is no such file, it is damaged, or a newer version wrote it.

    Example:
        predictor = LightPredictor("model.textcnn")
        print(predictor("profits rose in the second quarter")["label"])
    """

    def __init__(self, path: os.PathLike[str] | str, *, fast: bool | None = None, threads: int = THREADS) -> None:
        self.directory = as_path(path, "a model")
        file = self.directory / NAME if self.directory.is_dir() else self.directory
        content = read_file(file)
        try:
            self._open(content)
        except DAMAGES as error:
            raise damaged(file, error) from error
        self._fast, self._answered, self._threads = fast, 0, threads
        if fast:
            self._load_kernels()

    def _open(self, content: Content) -> None:
        spec = self._spec = Spec.of_json(content.spec)
        self.labels, self.thresholds = spec.labels, spec.thresholds
        vocabulary = check_strings("tokens", json.loads(content.documents["vocabulary"]))
        if len(vocabulary) < 2:
            raise ValueError("its vocabulary has no padding and unknown token")
        points = CodePoints.of_json(json.loads(content.documents["code_points"]))
        tokenizer = PlainTokenizer(spec.tokenizer, points)
        self._encoder = Encoder(tokenizer, vocabulary, maximum_tokens=spec.maximum_tokens)
        arrays = Arrays(content.arrays)
        self.network: WindowNetwork | ChainNetwork
        if "windows" in spec.network:
            self.network = WindowNetwork(arrays, spec.network, len(vocabulary))
        else:
            positions = spec.maximum_tokens if spec.fixed_length else None
            self.network = ChainNetwork(arrays, spec.network, len(vocabulary), positions=positions)
        arrays.check_empty()
        self.exact = self.network.exact and spec.model == "conv1d"  # as the SavedModel
        if self.network.num_classes != len(self.labels):
            raise ValueError(f"it has {self.network.num_classes} outputs for {len(self.labels)} labels")

    def _answer(self, texts: Sequence[str]) -> np.ndarray:
        self._answered += len(texts)
        if self._answered >= ANSWERED:
            self.load_kernels()
        chunks = [texts[begin : begin + CHUNK] for begin in range(0, len(texts), CHUNK)]
        if len(chunks) == 1:
            return self._answer_chunk(texts)
        alone = self._threads == 1 or len(chunks) < 2 * self._threads
        if not self._fast or alone:  # NumPy's threads would mostly wait for the interpreter's lock
            answers = [*map(self._answer_chunk, chunks)]
        else:
            with ThreadPoolExecutor(self._threads) as threads:  # none is kept: a forked process would lack it
                answers = [*threads.map(self._answer_chunk, chunks)]
        return np.concatenate([np.zeros((0, len(self.labels)), np.float32), *answers])

    def _answer_chunk(self, texts: Sequence[str]) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # of exp, or of weights that no training makes
            return self._activate(self.network.logits([*map(self._encoder.encode, texts)]))

    def _load_kernels(self) -> None:
        try:
            from keras_textcnn.inference.light import kernels
        except (ImportError, RuntimeError) as error:  # numba finds no folder that it can write to
            raise InputError(f"fast=True needs numba: pip install 'keras_textcnn[fast]' ({error})") from error
        if isinstance(self.network, WindowNetwork):
            said = threading.Timer(1, logger.info, ["compiling the loops of [fast], once on this machine"])
            said.daemon = True
            said.start()
            self.network.use(kernels)
            try:
                self.network.logits([[1, 1]])
            except OSError as error:
                self.network.use(None)
                raise InputError(f"the compiled loops cannot be written to disk: {error}; use fast=False") from error
            finally:
                said.cancel()
        self._fast = True

    def load_kernels(self) -> None:
        """Loads the compiled loops now, if `fast` is None and numba is installed; a server has no time for it later."""
        if self._fast is None:
            with contextlib.suppress(InputError):
                self._load_kernels()
            self._fast = bool(self._fast)

    def _activate(self, logits: np.ndarray) -> np.ndarray:
        """The probabilities that belong to logits, float32 (texts, num_classes)."""
        logits = logits / np.float32(self._spec.temperature)
        if self.thresholds is not None:
            return 1 / (1 + np.exp(-logits))
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _explain_exactly(self, texts: Sequence[str]) -> Iterator[Explanation]:
        assert isinstance(self.network, WindowNetwork)
        for text in texts:
            ids = self._encoder.encode(text)
            logits = self.network.logits([ids])
            output = int(logits[0].argmax())
            added, windows = self.network.trace(ids, output)
            yield explain_windows(
                [*map(compose, self._encoder.tokens(text))],
                added,
                windows,
                label=self.labels[output],
                probability=float(self._activate(logits)[0, output]),
                logit=float(logits[0, output]),
                bias=float(self.network.bias[output]),
            )

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
        separator = TOKENIZERS[self._spec.tokenizer].separator or ""
        for text in texts:
            yield separator.join(self._encoder.tokens(text)), separator
