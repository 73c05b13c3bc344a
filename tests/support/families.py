# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of every family of transformers that reads texts, with a tokenizer of the ``tokenizers`` library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CONFIG_MAPPING, MODEL_FOR_QUESTION_ANSWERING_MAPPING, MODEL_MAPPING, PreTrainedTokenizerFast
from transformers.models.auto import modeling_auto

from support.checkpoints import randomize, vocabulary

POSITIONS = 80
# what families call their sizes; only those that a configuration has are set
_SIZES = {
    **dict.fromkeys(["hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_size"], 32),
    **dict.fromkeys(["num_hidden_layers", "num_layers", "n_layer", "n_layers"], 2),
    **dict.fromkeys(["encoder_layers", "decoder_layers", "num_decoder_layers"], 2),
    **dict.fromkeys(["num_attention_heads", "num_heads", "n_head", "n_heads"], 4),
    **dict.fromkeys(["encoder_attention_heads", "decoder_attention_heads"], 4),
    **dict.fromkeys(["num_key_value_heads", "num_kv_heads"], 4),
    **dict.fromkeys(["intermediate_size", "d_ff", "hidden_dim", "n_inner", "d_inner"], 64),
    **dict.fromkeys(["ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"], 64),
    **dict.fromkeys(["head_dim", "d_kv", "d_head"], 8),
    **dict.fromkeys(["max_position_embeddings", "n_positions", "max_seq_len"], POSITIONS),
    "vocab_size": len(vocabulary()),
    "pad_token_id": 0,
}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_GROUPS = ["q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups", "output_groups"]
_SPECIAL: dict[str, dict[str, Any]] = {
    "big_bird": {"block_size": 8, "num_random_blocks": 1},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
    "funnel": {"block_sizes": [1, 1]},
    "gpt_neo": {"attention_types": [[["global"], 2]]},
    "gptj": {"rotary_dim": 4},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "led": {"attention_window": 16, "max_encoder_position_embeddings": 80, "max_decoder_position_embeddings": 80},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 16, "sep_token_id": 3},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 8},
    "mobilebert": {"intra_bottleneck_size": 32, "true_hidden_size": 32},
    "neomme": {"head_dim": 16},
    "qwen2_moe": {**_EXPERTS, "shared_expert_intermediate_size": 16},
    "qwen3_moe": _EXPERTS,
    "qwen3_next": {
        **_EXPERTS, "num_hidden_layers": 4, "shared_expert_intermediate_size": 16, "linear_num_value_heads": 4,
        "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    },
    "reformer": {"axial_pos_embds": False},
    "roc_bert": {"pronunciation_vocab_size": 200, "shape_vocab_size": 200},
    "squeezebert": dict.fromkeys(_GROUPS, 1),
    "t5": {"decoder_start_token_id": 0},
    "xmod": {"default_language": "en_XX"},
}  # fmt: skip
_NOT_SET = {
    "funnel": ["num_hidden_layers", "num_decoder_layers"],
    "xlnet": ["max_position_embeddings"],
    "falcon": ["head_dim"],
}
# of these even the smallest checkpoint has hundreds of megabytes or needs images or packages that are not installed
LARGE = {"emu3", "llama4", "mllama", "modernvbert", "t5gemma", "ultravbert", "layoutlmv2", "perceiver"}
# families whose encoder is a class of its own
OF_PAIRS = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "longt5": "LongT5EncoderModel",
    "switch_transformers": "SwitchTransformersEncoderModel",
}
QUESTION_ANSWERING = sorted({*modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES} - LARGE)
ENCODERS = sorted(
    {
        *modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES,
        *modeling_auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
        *OF_PAIRS,
    }
    - LARGE
)


def tiny_config(family: str) -> Any:
    """A configuration of a few thousand weights."""
    cls = CONFIG_MAPPING[family]
    present = cls()
    known = {name: size for name, size in _SIZES.items() if hasattr(present, name)}
    aliases = [alias for alias, name in getattr(cls, "attribute_map", {}).items() if name in known]
    for name in [*aliases, *_NOT_SET.get(family, [])]:
        known.pop(name, None)
    return cls(**{**known, "vocab_size": len(vocabulary()), "pad_token_id": 0, **_SPECIAL.get(family, {})})


def write_tokenizer(folder: Path, *, separators: int = 1, cls_type: int = 0) -> Tokenizer:
    """Writes ``tokenizer.json``."""
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocabulary())}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"[CLS]:{cls_type} $A [SEP]",
        pair=f"[CLS] $A{' [SEP]' * separators} $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return tokenizer


def tiny_family(folder: Path, family: str, *, reader: bool = False) -> tuple[Any, Tokenizer]:
    """A checkpoint: its model in float32, and its tokenizer."""
    import transformers

    config = tiny_config(family)
    mapping = MODEL_FOR_QUESTION_ANSWERING_MAPPING if reader else MODEL_MAPPING
    cls = getattr(transformers, OF_PAIRS[family]) if family in OF_PAIRS and not reader else mapping[type(config)]
    model = (cls[0] if isinstance(cls, tuple) else cls)(config)
    if family != "mobilebert":  # it has no normalisation: large weights lead to numbers of seven digits
        randomize(model, 1)
    model.eval().save_pretrained(folder)
    return model, write_tokenizer(folder, separators=2 if family == "longformer" else 1)


def run(model: Any, ids: list[int]) -> Any:
    """What transformers makes of one text."""
    tokens = torch.tensor([ids])
    with torch.inference_mode():
        return model(input_ids=tokens, attention_mask=torch.ones_like(tokens))
