# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Token ids of titles and texts, from the ``tokenizers`` library itself.

The wrappers of transformers 5 lower-case the input of cased DPR checkpoints, and they change the tokenizer's state on
every call, which is not thread-safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer, BertTokenizer

from dpr_haystack.core.text import PassageText, replace_passage_surrogates
from dpr_haystack.engines.checkpoints.families import most_positions
from dpr_haystack.engines.checkpoints.source import read_json
from dpr_haystack.engines.checkpoints.tokenizer_file import as_the_file_says
from dpr_haystack.errors import ModelError

Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]

# from a folder without any of these transformers builds an empty tokenizer
VOCABULARY_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spm.model",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
)
# the limit of models that read texts of any length
_NO_LIMIT = 2**20


class PairTokenizer:
    """Token ids of ``[CLS] title [SEP] text [SEP]``, or of ``[CLS] text [SEP]`` where there is no title.

    Other model families have their own pair format. Truncation removes tokens from the longer of the two and keeps
    the closing token. Thread-safe.

    :param tokenizer: A transformers tokenizer with a fast version; it is copied.
    :param max_length: Longest input in tokens, special tokens included.
    """

    def __init__(self, tokenizer: Any, *, max_length: int) -> None:
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.max_length = max_length
        self._tokenizer = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length, strategy="longest_first")

    def encode(self, texts: Sequence[PassageText]) -> list[list[int]]:
        """Token ids of each text.

        :param texts: Titles (or ``None``) and texts.
        :returns: One list of ids per text, in the order of the texts.
        """
        inputs = [text if title is None else (title, text) for title, text in map(replace_passage_surrogates, texts)]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(inputs)]


def padded(ids: Sequence[Sequence[int]], pad_id: int) -> tuple[Tokens, Tokens]:
    """Pad token ids to one matrix.

    :param ids: The token ids of each text.
    :param pad_id: The id of the padding token.
    :returns: The ids, and a mask with 1 for tokens and 0 for padding: both (texts, length of the longest, at least 1).
    """
    width = max([1, *map(len, ids)])
    tokens = np.full((len(ids), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for row, item in enumerate(ids):
        tokens[row, : len(item)] = item
        mask[row, : len(item)] = 1
    return tokens, mask


def load_tokenizer(
    folder: Path,
    config: Any,
    *,
    lowercase: bool = False,
    cased: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Load the transformers tokenizer of a folder; cased DPR tokenizers keep case.

    Where the folder has a ``tokenizer.json``, texts are split as that file says: the classes of transformers 5 read
    only the vocabulary from it and build the other steps anew.

    :param folder: A transformers folder.
    :param config: Its configuration.
    :param lowercase: Whether to lower-case texts before the tokenizer's own normalisation.
    :param cased: For a DPR model: whether its tokenizer keeps case; ``None`` for the folder's setting.
    :param options: Further arguments of ``from_pretrained``.
    :returns: A tokenizer with a ``backend_tokenizer``.
    :raises ModelError: If the folder has no tokenizer, or one without a fast version.
    """
    if not any((folder / name).is_file() for name in VOCABULARY_FILES):
        msg = f"{folder} has no tokenizer: expected one of {', '.join(VOCABULARY_FILES)}."
        raise ModelError(msg)
    settings = {**_tokenizer_config(folder), **(options or {})}
    class_name = str(settings.get("tokenizer_class", ""))
    is_dpr = config.model_type == "dpr" or class_name.startswith("DPR")
    switches = dict(options or {}) if cased is None else {**(options or {}), "do_lower_case": not cased}
    # DPR's own tokenizer classes ignore do_lower_case; BertTokenizer, which they consist of, does not
    tokenizer = _as_transformers_loads_it(BertTokenizer if is_dpr else AutoTokenizer, folder, switches)
    if (folder / "tokenizer.json").is_file():
        tokenizer._tokenizer = as_the_file_says(folder, {**settings, **switches}, tokenizer.backend_tokenizer)
    backend = tokenizer.backend_tokenizer
    _check_size(folder, tokenizer, config)
    if lowercase:
        backend.normalizer = _preceded_by(normalizers.Lowercase(), backend.normalizer)
    if is_dpr:
        backend.normalizer = with_nfc(backend.normalizer)
    return tokenizer


def with_nfc(normalizer: normalizers.Normalizer | None) -> normalizers.Normalizer:
    """The normaliser of a DPR model, which is trained with texts in NFC.

    :param normalizer: A normaliser; ``None`` for none.
    :returns: One that composes characters first.
    """
    steps: Any = normalizer if isinstance(normalizer, normalizers.Sequence) else ()
    if normalizer is not None and isinstance(next(iter(steps), None), normalizers.NFC):
        return normalizer
    return _preceded_by(normalizers.NFC(), normalizer)


def _preceded_by(step: normalizers.Normalizer, normalizer: normalizers.Normalizer | None) -> normalizers.Normalizer:
    return normalizers.Sequence([step, *([normalizer] if normalizer else [])])


def _as_transformers_loads_it(cls: Any, folder: Path, options: Mapping[str, Any]) -> Any:
    try:
        tokenizer = cls.from_pretrained(str(folder), local_files_only=True, **options)
    except Exception as error:  # a broken file makes transformers raise anything
        msg = f"The tokenizer of {folder} cannot be loaded: {error}"
        raise ModelError(msg) from error
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        msg = f"The tokenizer of {folder} is a {type(tokenizer).__name__}, which has no fast version."
        raise ModelError(msg)
    return tokenizer


def _check_size(folder: Path, tokenizer: Any, config: Any) -> None:
    size = getattr(config.get_text_config(), "vocab_size", None)
    if size is not None and len(tokenizer) > size:
        msg = (
            f"The tokenizer of {folder} does not fit its model: it has {len(tokenizer)} tokens, the model's vocabulary "
            f"{size}."
        )
        raise ModelError(msg)


def longest_input(tokenizer: Any, config: Any) -> int:
    """The largest number of tokens that a model can read.

    :param tokenizer: Its transformers tokenizer.
    :param config: Its configuration.
    :returns: The number of tokens, special tokens included.
    """
    return min(int(tokenizer.model_max_length), most_positions(config) or _NO_LIMIT)


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    return read_json(path) if path.is_file() else {}
