# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""From titles and texts to token ids, through the ``tokenizers`` library itself.

The wrappers of transformers 5 lower-case what cased DPR checkpoints must not have lower-cased, and they change the
tokenizer's state on every call, which two threads must not do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer, BertTokenizer

from dpr_haystack.core.text import PassageText, replace_passage_surrogates
from dpr_haystack.errors import ModelError

Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]

# transformers builds a tokenizer that knows nothing from a folder that has none of these
VOCABULARY_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model", "sentencepiece.bpe.model", "spiece.model")
# families whose positions start behind the padding token's id
_OFFSET_POSITIONS = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text"}


class PairTokenizer:
    """Token ids of ``[CLS] title [SEP] text [SEP]``, or of ``[CLS] text [SEP]`` where there is no title.

    Models of other families get the pair form of their own. Truncation takes tokens from the longer of the two, so
    the closing token is always there. Safe to call from several threads.

    :param tokenizer: The tokenizer; it is copied.
    :param pad_id: The id that fills up short texts.
    :param max_length: Longest input in tokens, special tokens included.
    """

    def __init__(self, tokenizer: Tokenizer, *, pad_id: int, max_length: int) -> None:
        self.pad_id = pad_id
        self.max_length = max_length
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length, strategy="longest_first")

    def encode(self, texts: Sequence[PassageText]) -> list[list[int]]:
        """Token ids of every text.

        :param texts: Titles (or ``None``) and texts.
        :returns: One list of ids a text, in their order.
        """
        inputs = [text if title is None else (title, text) for title, text in map(replace_passage_surrogates, texts)]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(inputs)]


def padded(ids: Sequence[Sequence[int]], pad_id: int) -> tuple[Tokens, Tokens]:
    """Token ids of several texts side by side.

    :param ids: The token ids of each text.
    :param pad_id: What fills up short ones.
    :returns: The ids, and 1 for tokens and 0 for padding: both (texts, most tokens, at least 1).
    """
    width = max([1, *map(len, ids)])
    tokens = np.full((len(ids), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for row, item in enumerate(ids):
        tokens[row, : len(item)] = item
        mask[row, : len(item)] = 1
    return tokens, mask


def load_tokenizer(folder: Path, config: Any, *, lowercase: bool = False, cased: bool | None = None) -> Any:
    """The transformers tokenizer of a folder, right also where it is cased.

    :param folder: A transformers folder.
    :param config: Its configuration.
    :param lowercase: Lower-case the texts before anything else, whatever the tokenizer does.
    :param cased: For a DPR model: whether its tokenizer keeps case; ``None`` for what the folder says.
    :returns: A tokenizer with a ``backend_tokenizer``.
    :raises ModelError: If the folder has no tokenizer, or one without a fast version.
    """
    if not any((folder / name).is_file() for name in VOCABULARY_FILES):
        msg = f"{folder} has no tokenizer: none of {', '.join(VOCABULARY_FILES)} is there."
        raise ModelError(msg)
    named = str(_tokenizer_config(folder).get("tokenizer_class", ""))
    is_dpr = config.model_type == "dpr" or named.startswith("DPR")
    # DPR's own tokenizer classes ignore do_lower_case; BertTokenizer, which they are made of, does not
    cls = BertTokenizer if is_dpr else AutoTokenizer
    options = {} if cased is None else {"do_lower_case": not cased}
    try:
        tokenizer = cls.from_pretrained(str(folder), local_files_only=True, **options)
    except Exception as error:  # whatever a broken file makes transformers raise
        msg = f"The tokenizer of {folder} cannot be loaded: {error}"
        raise ModelError(msg) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        msg = f"The tokenizer of {folder} is a {type(tokenizer).__name__}, which has no fast version."
        raise ModelError(msg)
    if len(tokenizer) > config.vocab_size:
        msg = f"The tokenizer of {folder} has {len(tokenizer)} tokens, its model {config.vocab_size}: they do not fit."
        raise ModelError(msg)
    # NFC, as the tokenizer that they were trained with had it
    steps: list[normalizers.Normalizer] = [normalizers.NFC()] if is_dpr else []
    steps += [normalizers.Lowercase()] if lowercase else []
    if steps:
        backend.normalizer = normalizers.Sequence([*steps, *([backend.normalizer] if backend.normalizer else [])])
    return tokenizer


def longest_input(tokenizer: Any, config: Any) -> int:
    """How many tokens a model can read at most.

    :param tokenizer: Its transformers tokenizer.
    :param config: Its configuration.
    :returns: The number of tokens, special tokens included.
    """
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and positions > 0:
        offset = (config.pad_token_id or 0) + 1 if config.model_type in _OFFSET_POSITIONS else 0
        limits.append(positions - offset)
    return min(limits)


def own_max_length(folder: Path) -> int | None:
    """The length that a tokenizer itself says texts are cut to, if it says one."""
    value = _tokenizer_config(folder).get("model_max_length")
    return int(value) if value is not None and value < 10**6 else None


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
