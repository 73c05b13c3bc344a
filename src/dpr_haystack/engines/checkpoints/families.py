# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How families of transformers differ in what they read. A test compares every family with transformers itself."""

from __future__ import annotations

import inspect
from typing import Any

# Families in which the padding after a text does not change its vectors. Texts of others are encoded in batches of
# equal length: their convolutions, Fourier transforms or landmarks see the padding, too, and XLM takes tokens for
# padding where it gets no mask.
_IGNORE = """
albert arcee bert big_bird bloom camembert clip_text_model data2vec-text deberta deberta-v2 diffllama distilbert dpr
electra ernie esm esmc eurobert exaone4 falcon gpt2 gpt_neo gpt_neox gptj gte ibert jina_embeddings_v3 layoutlm
layoutlmv3 lilt llama longformer longt5 luke markuplm megatron-bert minimax ministral ministral3 mistral
mixtral mobilebert modernbert molmo2_text mpnet mpt mra mt5 nemotron neomme nomic_bert opt qwen2 qwen2_moe
qwen3 qwen3_moe qwen3_next rembert roberta roberta-prelayernorm roc_bert roformer seed_oss smollm3 splinter
squeezebert switch_transformers t5 tapas tipsv2_text_model ultrabert umt5 xlm-roberta xlm-roberta-xl xlnet xmod
"""
IGNORE_PADDING = frozenset(_IGNORE.split())
# families whose positions start after the padding token's id
_OFFSET = """
camembert data2vec-text esm ibert layoutlmv3 lilt longformer luke markuplm mpnet roberta
roberta-prelayernorm xlm-roberta xlm-roberta-xl xmod
"""
_OFFSET_POSITIONS = frozenset(_OFFSET.split())
# what the largest number of tokens is called
_POSITIONS = ("max_position_embeddings", "max_seq_len")


def ignores_padding(config: Any) -> bool:
    """Whether the padding after a text does not change its vectors.

    :param config: The configuration of a transformer.
    """
    return config.model_type in IGNORE_PADDING


def type_of_cls(model: Any, tokenizer: Any) -> tuple[int, int] | None:
    """The token type of the special token that stands for the text, in families where it is not 0.

    :param model: A transformers model.
    :param tokenizer: Its tokenizer.
    :returns: The id of the token and its type; None where all types of a text are 0.
    """
    encoding = tokenizer.backend_tokenizer.encode("a")
    types = {token: kind for token, kind in zip(encoding.ids, encoding.type_ids, strict=True) if kind}
    if not types or "token_type_ids" not in inspect.signature(model.forward).parameters:
        return None
    return next(iter(types.items()))


def most_positions(config: Any) -> int | None:
    """The largest number of tokens that a model can read.

    :param config: The configuration of a transformer.
    :returns: The number, special tokens included; None if there is no limit.
    """
    found = [int(value) for name in _POSITIONS if (value := getattr(config, name, None)) is not None and value > 0]
    if not found:
        return None
    if getattr(config, "attention_type", None) == "block_sparse":
        # of a longer text BigBird reads blocks chosen at random, unless it has read a shorter one before
        found.append((5 + 2 * config.num_random_blocks) * config.block_size)
    if config.model_type not in _OFFSET_POSITIONS:
        return min(found)
    first = 1 if config.model_type == "mpnet" else config.pad_token_id or 0  # MPNet always has 1
    return min(found) - first - 1
