# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of every kind, with random weights large enough that a wrong input changes the vectors."""

from __future__ import annotations

import json
import string
import unicodedata
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    DPRConfig,
    DPRContextEncoder,
    DPRQuestionEncoder,
    DPRReader,
    RobertaConfig,
    RobertaForQuestionAnswering,
    RobertaModel,
    RobertaTokenizer,
)

DPR_CLASSES = {"question": DPRQuestionEncoder, "passage": DPRContextEncoder, "reader": DPRReader}

# A precomposed letter that Unicode's composition leaves in two: the vocabulary has it in two, the text may have one.
BENGALI_YA = "\u09df"
_WORDS = """the a of in on and to is was who what when where darwin origin species wrote naturalist england born beagle
voyage book theory evolution selection natural island finch science london paris ##s ##ed ##ing ##er ##land straße
strasse über uber uganda je nani"""
_CASED = "Darwin London Paris England Straße Über Uganda Je ##Land"


def vocabulary() -> list[str]:
    letters = string.ascii_letters + string.digits + "äöüßÄÖÜ" + unicodedata.normalize("NFC", "বাংলাহ" + BENGALI_YA)
    single = sorted(set(letters))
    words = [*_WORDS.split(), *_CASED.split(), unicodedata.normalize("NFC", "হ" + BENGALI_YA)]
    pieces = [*single, *(f"##{letter}" for letter in single), *string.punctuation]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(words + pieces)]


def write_wordpiece(folder: Path, *, cased: bool = False, tokenizer_class: str = "BertTokenizer") -> None:
    """vocab.txt and tokenizer_config.json, as checkpoints of transformers 3 and 4 have them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
    config = {"do_lower_case": not cased, "tokenizer_class": tokenizer_class, "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def _sizes(**more: object) -> dict[str, object]:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    return {**sizes, "max_position_embeddings": 300, "vocab_size": len(vocabulary()), **more}


def randomize(model: torch.nn.Module, seed: int) -> Any:
    """Give every weight a sizeable value: with the usual tiny ones all texts would get about the same vector."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.6 if "embeddings" in name else 0.3
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            if "LayerNorm.weight" in name:
                parameter.add_(1.0)
    return model.eval()


def tiny_dpr(folder: Path, part: str, *, projection: int = 0, cased: bool = False, seed: int = 0) -> Path:
    """A DPR checkpoint: part is "question", "passage" or "reader"."""
    names = {"question": "DPRQuestionEncoder", "passage": "DPRContextEncoder", "reader": "DPRReader"}
    model = randomize(DPR_CLASSES[part](DPRConfig(**_sizes(projection_dim=projection))), seed)
    model.save_pretrained(folder)
    write_wordpiece(folder, cased=cased, tokenizer_class=f"{names[part]}Tokenizer")
    return folder


def tiny_bert(folder: Path, *, cased: bool = False, seed: int = 0) -> Path:
    """A plain BERT checkpoint."""
    randomize(BertModel(BertConfig(**_sizes())), seed).save_pretrained(folder)
    write_wordpiece(folder, cased=cased)
    return folder


def tiny_roberta(folder: Path, *, seed: int = 0, positions: int = 66, cls: type = RobertaModel) -> Path:
    """A RoBERTa checkpoint whose tokens are bytes."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = list(dict.fromkeys([*string.printable.replace(" ", "").strip(), "\u0120"]))
    vocab = {token: index for index, token in enumerate([*special, *letters])}
    tokenizer = RobertaTokenizer(vocab=vocab, merges=[])
    tokenizer.save_pretrained(folder)
    sizes = _sizes(vocab_size=len(vocab), max_position_embeddings=positions, pad_token_id=1)
    randomize(cls(RobertaConfig(**sizes, bos_token_id=0, eos_token_id=2)), seed).save_pretrained(folder)
    return folder


def tiny_qa(folder: Path, family: str, *, seed: int = 0) -> Path:
    """A checkpoint for extractive question answering: family is "bert", "distilbert" or "roberta"."""
    if family == "roberta":
        return tiny_roberta(folder, seed=seed, positions=300, cls=RobertaForQuestionAnswering)
    if family == "bert":
        model = BertForQuestionAnswering(BertConfig(**_sizes()))
    else:
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 300}
        model = DistilBertForQuestionAnswering(DistilBertConfig(**sizes, vocab_size=len(vocabulary())))
    randomize(model, seed).save_pretrained(folder)
    write_wordpiece(folder)
    return folder


def tiny_cross_encoder(folder: Path, *, seed: int = 0, scores: int = 1) -> Path:
    """A checkpoint that scores a question and a passage together."""
    model = BertForSequenceClassification(BertConfig(**_sizes(num_labels=scores)))
    randomize(model, seed).save_pretrained(folder)
    write_wordpiece(folder)
    return folder


def reference(folder: Path, part: str, texts: list[tuple[str | None, str]], *, max_length: int = 256) -> torch.Tensor:
    """What transformers itself makes of titles and texts, one at a time, with all token types zero."""
    tokenizer = BertTokenizer.from_pretrained(folder)
    model = DPR_CLASSES[part].from_pretrained(folder)
    rows = []
    for title, text in texts:
        pair = ([text],) if title is None else ([title], [text])
        ids = tokenizer(*pair, truncation="longest_first", max_length=max_length, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            rows.append(model(input_ids=ids, token_type_ids=torch.zeros_like(ids)).pooler_output[0])
    return torch.stack(rows)
