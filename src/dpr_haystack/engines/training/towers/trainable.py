# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Towers that can be trained: what an encoder is made of, as modules of sentence-transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Module, Router
from torch import Tensor, nn

from dpr_haystack.core.model_directory import Part, Role
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.engines.checkpoints.tokenization import PairTokenizer
from dpr_haystack.engines.towers.heads import Head
from dpr_haystack.engines.towers.loading import LoadedTower, as_part, load_tower, split_tower, used_with
from dpr_haystack.errors import InputError

ROUTES: dict[Role, str] = {"question": "query", "passage": "document"}
"""What sentence-transformers calls the two roles."""


@dataclass(frozen=True)
class TowerOptions:
    """How a tower is made ready for training.

    :param max_length: Longest input in tokens; None for the checkpoint's own.
    :param pooling: How token vectors become one; None for the checkpoint's own.
    :param normalize: Whether vectors get length 1; None for the checkpoint's own.
    :param similarity: What vectors will be compared by.
    :param dropout: Of every dropout layer; None for the checkpoint's own.
    :param layers: How many of the transformer's layers are kept, evenly spread; None for all.
    :param frozen: Whether the tower stays as it is.
    :param freeze_embeddings: Whether its word, position and type vectors stay as they are.
    :param attention: Which implementation of attention; None for the fastest to train on the device.
    :param checkpointing: Whether activations are computed again in the backward pass, to save memory.
    """

    max_length: int | None = None
    pooling: str | None = None
    normalize: bool | None = None
    similarity: Similarity = Similarity.DOT_PRODUCT
    dropout: float | None = None
    layers: int | None = None
    frozen: bool = False
    freeze_embeddings: bool = False
    attention: str | None = None
    checkpointing: bool = False


class TrainableTower(Module):  # type: ignore[misc]
    """One tower: token ids in, vectors out, with gradients.

    :param loaded: The tower as it was loaded; its model is trained in place.
    :param part: How it is used.
    :param frozen: Whether it stays as it is: then each passage is encoded once, and its vector kept.
    """

    def __init__(self, loaded: LoadedTower, part: Part, *, frozen: bool = False) -> None:
        super().__init__()
        self.backbone, projection = split_tower(loaded.model)
        self.head = Head(part.pooling, loaded.dense, normalize=part.normalize, dimension=part.dimension)
        self.head.dense.insert(0, projection)
        self.loaded = (loaded,)  # in a tuple, so that it is no sub-module
        self.part = part
        self.frozen = frozen
        pad_id = loaded.tokenizer.pad_token_id or 0
        self.tokenizer = PairTokenizer(loaded.tokenizer.backend_tokenizer, pad_id=pad_id, max_length=part.max_length)
        self._kept: dict[int, Tensor] = {}

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Encode a batch.

        :param features: ``input_ids`` and ``attention_mask``, (texts, tokens), and ``row``, the number of each text.
        :returns: The same with ``sentence_embedding``, (texts, dimension), in float32.
        """
        if self.frozen:
            return {**features, "sentence_embedding": self._frozen_vectors(features)}
        return {**features, "sentence_embedding": self.vectors(features["input_ids"], features["attention_mask"])}

    def train(self, mode: bool = True) -> TrainableTower:
        """Switch dropout on or off; a frozen tower never has any."""
        super().train(mode and not self.frozen)
        return self

    @property
    def role(self) -> Role:
        """What it was loaded for; a tied tower is both."""
        return "question" if self.part.role == "question" else "passage"

    def part_for(self, role: Role) -> Part:
        """How it is used in a role: its own, or for a tied tower the other one.

        :param role: ``"question"`` or ``"passage"``.
        """
        return replace(self.part, role=role)

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the transformer alone; what writes a pair is :mod:`~dpr_haystack.engines.training.towers.saving`."""
        self.loaded[0].model.save_pretrained(output_path)

    def vectors(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Vectors of some texts.

        :param tokens: (texts, tokens).
        :param mask: 1 for tokens, 0 for padding behind them, (texts, tokens).
        :returns: float32, (texts, dimension).
        """
        hidden = self.backbone(input_ids=tokens, attention_mask=mask).last_hidden_state
        # what follows the transformer is done in float32, as when encoding
        with torch.autocast(hidden.device.type, enabled=False):
            vectors: Tensor = self.head(hidden.float(), mask)
        return vectors

    def _frozen_vectors(self, features: dict[str, Any]) -> Tensor:
        rows = features["row"].tolist()
        missing = [place for place, row in enumerate(rows) if row not in self._kept]
        if missing:
            tokens, mask = features["input_ids"][missing], features["attention_mask"][missing]
            with torch.no_grad():
                vectors = self._one_by_one(tokens, mask) if tokens.device.type == "cpu" else self.vectors(tokens, mask)
            self._kept.update((rows[place], vector) for place, vector in zip(missing, vectors, strict=True))
        return torch.stack([self._kept[row] for row in rows])

    def _one_by_one(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """As :meth:`vectors`, to the last bit the same whatever else is in the batch: a training that goes on later
        meets a passage in other company."""
        lengths = mask.sum(dim=1).tolist()
        each = (self.vectors(tokens[n : n + 1, :length], mask[n : n + 1, :length]) for n, length in enumerate(lengths))
        return torch.cat(list(each))


def load_trainable(
    model: str, role: Role, options: TowerOptions, *, device: str = "cpu", token: str | None = None
) -> TrainableTower:
    """Load a tower and make it ready.

    :param model: Whatever :func:`~dpr_haystack.engines.towers.loading.load_encoder` loads.
    :param role: ``"question"`` or ``"passage"``.
    :param options: How to make it ready.
    :param device: A torch device.
    :param token: A hub token.
    :raises ModelError: If it cannot be loaded.
    :raises InputError: If an option does not go with the model.
    """
    own = load_tower(model, role, token=token)
    loaded = used_with(own, pooling=options.pooling, normalize=options.normalize)
    if options.frozen and loaded.source != own.source:
        msg = (
            f"a frozen passage tower keeps the vectors of a store valid: {model} has pooling {own.source.pooling} and "
            f"normalize {str(own.source.normalize).lower()}, and these settings change it; leave pooling and normalize "
            "out, and similarity cosine where they are not normalised"
        )
        raise InputError(msg)
    part = replace(as_part(loaded, role, max_length=options.max_length), similarity=options.similarity)
    if options.layers is not None:
        keep_layers(loaded.model, options.layers)
    tower = TrainableTower(loaded, part, frozen=options.frozen)
    _prepare(tower, options, device)
    return tower


def two_towers(question: TrainableTower, passage: TrainableTower, device: str) -> SentenceTransformer:
    """Both towers as one model of sentence-transformers; the same tower twice where they are tied."""
    router = Router.for_query_document([question], [passage])
    return SentenceTransformer(modules=[router], device=device, similarity_fn_name="dot")


def tower_of(model: SentenceTransformer, role: Role) -> TrainableTower:
    """The tower for a role out of :func:`two_towers`."""
    tower: TrainableTower = model[0].sub_modules[ROUTES[role]][0]
    return tower


def keep_layers(model: Any, count: int) -> None:
    """Keep some layers of a transformer, evenly spread: every second one for half of them (DistilBERT's start).

    :param model: A transformers model.
    :param count: How many.
    :raises InputError: If it has fewer, or its layers are not where BERT-like models have them.
    """
    backbone, _ = split_tower(model)
    holder: Any = getattr(backbone, "encoder", None) or getattr(backbone, "transformer", None)
    layers = getattr(holder, "layer", None)
    if layers is None:
        msg = f"layers: {type(backbone).__name__} has no list of layers to choose from"
        raise InputError(msg)
    if not 1 <= count <= len(layers):
        msg = f"layers: {count} of {len(layers)} layers cannot be kept; name 1 to {len(layers)}"
        raise InputError(msg)
    chosen = [layers[number * len(layers) // count] for number in range(count)]
    holder.layer = nn.ModuleList(chosen)
    config: Any = backbone.config
    model.config.num_hidden_layers = config.num_hidden_layers = count


def _prepare(tower: TrainableTower, options: TowerOptions, device: str) -> None:
    model = tower.loaded[0].model
    # the backward pass of the fused attention is the slow part on a CPU
    attention = options.attention or ("eager" if torch.device(device).type == "cpu" else "sdpa")
    model.set_attn_implementation(attention)
    if options.dropout is not None:
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = options.dropout
    if options.checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", None)  # the newer name
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    for name, parameter in tower.named_parameters():
        # a pooler behind the transformer takes no part: DPR takes the vector of [CLS] itself
        parameter.requires_grad_(not options.frozen and ".pooler." not in f".{name}")
    if options.freeze_embeddings:
        tower.backbone.embeddings.requires_grad_(False)
    tower.train(not options.frozen)
