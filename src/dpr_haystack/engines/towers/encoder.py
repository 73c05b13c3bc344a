# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A tower: texts in, vectors out. It knows nothing of where a checkpoint came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dpr_haystack.core.identity import EncoderIdentity
from dpr_haystack.core.model_directory import Part
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.text import PassageText, token_batches, with_prompt
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer, padded

# Texts are tokenized and sorted by length in windows: memory does not grow with their number, and with this many
# texts there is next to no padding.
WINDOW = 4096
# Tokens a batch. More gains nothing on a CPU; a GPU wants many.
_CPU_BUDGET = 4096
_GPU_BUDGET = 65536


class Encoder:
    """One tower with its tokenizer, ready to encode. Safe to call from several threads.

    :param backbone: A transformers model whose output has ``last_hidden_state``; on its device, in its dtype.
    :param head: From token vectors to one vector a text; on the same device.
    :param tokenizer: Titles and texts to ids.
    :param part: How the tower is used.
    :param identity: Whose weights these are.
    """

    def __init__(
        self, backbone: nn.Module, head: nn.Module, tokenizer: PairTokenizer, part: Part, identity: EncoderIdentity
    ) -> None:
        self.part = part
        self.identity = identity
        self._backbone = backbone.eval()
        self._head = head.eval()
        self._tokenizer = tokenizer
        self._device = next(backbone.parameters()).device
        self._budget = _CPU_BUDGET if self._device.type == "cpu" else _GPU_BUDGET

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.part.dimension

    @property
    def max_length(self) -> int:
        """Longest input in tokens, special tokens included; what is longer is cut."""
        return self.part.max_length

    @property
    def role(self) -> str:
        """``"question"`` or ``"passage"``."""
        return self.part.role

    @property
    def pooling(self) -> str:
        """How token vectors become one."""
        return self.part.pooling

    @property
    def normalize(self) -> bool:
        """Whether vectors have length 1."""
        return self.part.normalize

    @property
    def similarity(self) -> Similarity | None:
        """What the model was trained to compare vectors by."""
        return self.part.similarity

    @property
    def dtype(self) -> str:
        """The number format that the transformer computes in, e.g. ``"bfloat16"``."""
        return str(next(self._backbone.parameters()).dtype).removeprefix("torch.")

    def encode(
        self,
        texts: Sequence[PassageText],
        *,
        batch_size: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Encode texts.

        :param texts: Titles (or ``None``) and texts. A question has no title.
        :param batch_size: At most this many texts a batch; ``None`` leaves it to the number of tokens.
        :param progress: Called after every batch with the number of texts in it.
        :returns: float32 vectors in the order of the texts, (texts, dimension).
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), WINDOW):
            window = texts[start : start + WINDOW]
            ids = self._tokenizer.encode([with_prompt(self.part.prompt, text) for text in window])
            for batch in token_batches([len(item) for item in ids], self._budget, batch_size):
                vectors[np.add(batch, start)] = self._forward([ids[index] for index in batch])
                if progress is not None:
                    progress(len(batch))
        return vectors

    def _forward(self, ids: Sequence[Sequence[int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        tokens, mask = (torch.from_numpy(each).to(self._device) for each in padded(ids, self._tokenizer.pad_id))
        with torch.inference_mode():
            # No token types: the model then takes zeros, as in training, for title and text alike. No mask where
            # nothing is padding: attention is faster without.
            output = self._backbone(input_ids=tokens, attention_mask=None if bool(mask.all()) else mask)
            vectors: Tensor = self._head(output.last_hidden_state, mask)
            result: np.ndarray[Any, np.dtype[np.float32]] = vectors.float().cpu().numpy()
        return result
