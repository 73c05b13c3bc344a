# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The encoder of a tower: texts in, vectors out, for any kind of checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dpr_haystack.core.identity import EncoderIdentity
from dpr_haystack.core.model_directory import Part
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, token_batches, with_prompt
from dpr_haystack.engines.checkpoints.families import ignores_padding
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer, padded
from dpr_haystack.engines.towers.network import TowerNetwork

# Texts are tokenized and sorted by length in windows of this many, so that memory does not grow with their number.
# In windows of this size there is almost no padding.
WINDOW = 4096
# tokens per batch: larger batches do not help on a CPU, but on a GPU
_CPU_BUDGET = 4096
_GPU_BUDGET = 65536
# of a few tokens, to see whether a model can encode texts
_TRIAL = "a"


class Encoder:
    """One tower with its tokenizer, ready to encode. Thread-safe.

    :param network: The network, on its device; its backbone in the dtype to compute in.
    :param tokenizer: The tokenizer.
    :param part: How the tower is used.
    :param identity: Identifies the weights.
    :param folder: The folder that it was loaded from, for messages.
    :param suffix: Text put after every input.
    """

    def __init__(
        self,
        network: TowerNetwork,
        tokenizer: PairTokenizer,
        part: Part,
        identity: EncoderIdentity,
        *,
        folder: Path,
        suffix: str = "",
    ) -> None:
        self.part = part
        self.folder = folder
        self.suffix = suffix
        self.identity = identity
        self._network = network.eval()
        self._tokenizer = tokenizer
        self._same_length = not ignores_padding(network.backbone.config)
        parameter = next(network.backbone.parameters())
        self._device = parameter.device
        self._dtype = parameter.dtype
        self._budget = _CPU_BUDGET if self._device.type == "cpu" else _GPU_BUDGET

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self.part.dimension

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special tokens included; longer inputs are truncated."""
        return self.part.max_length

    @property
    def role(self) -> str:
        """``"question"`` or ``"passage"``."""
        return self.part.role

    @property
    def pooling(self) -> str:
        """How token vectors become one vector."""
        return self.part.pooling

    @property
    def normalize(self) -> bool:
        """Whether vectors have length 1."""
        return self.part.normalize

    @property
    def similarity(self) -> Similarity | None:
        """The similarity that the model was trained with."""
        return self.part.similarity

    @property
    def dtype(self) -> str:
        """The number format that the transformer computes in, e.g. ``"bfloat16"``."""
        return str(self._dtype).removeprefix("torch.")

    def encode(
        self,
        texts: Sequence[PassageText],
        *,
        batch_size: int | None = None,
        window_size: int = WINDOW,
        progress: Callable[[int], object] | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Encode texts.

        :param texts: Titles (or ``None``) and texts. A question has no title.
        :param batch_size: Most texts per batch; ``None`` for no limit but the number of tokens.
        :param window_size: Texts are tokenized and sorted by length in windows of this many, which bounds memory.
        :param progress: Called after every batch with the number of texts in it.
        :returns: float32 vectors in the order of the texts, (texts, dimension).
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), window_size):
            window = texts[start : start + window_size]
            ids = self._tokenizer.encode([with_prompt(self.part.prompt, text, self.suffix) for text in window])
            lengths = [len(item) for item in ids]
            for batch in token_batches(lengths, self._budget, batch_size, same_length=self._same_length):
                vectors[np.add(batch, start)] = self._forward([ids[index] for index in batch])
                if progress is not None:
                    progress(len(batch))
        return vectors

    def obstacle(self) -> str | None:
        """Why it cannot encode texts, found by encoding one; ``None`` if it can."""
        try:
            vectors = self.encode([(None, _TRIAL)])
        except Exception as error:  # a model of a family that does not fit raises anything
            return f"{type(error).__name__}: {str(error).strip()[:300]}"
        return None if np.isfinite(vectors).all() else f"its vectors contain NaN or infinity in {self.dtype}"

    def _forward(self, ids: Sequence[Sequence[int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        tokens, mask = (torch.from_numpy(array).to(self._device) for array in padded(ids, self._tokenizer.pad_id))
        with torch.inference_mode():
            vectors: np.ndarray[Any, np.dtype[np.float32]] = self._network(tokens, mask).cpu().numpy()
        return vectors
