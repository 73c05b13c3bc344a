# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""How a reader component reads: its settings, checked, and its model, loaded when it is first needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._towers import DTYPES, check_token
from dpr_haystack.core.answer_ranking import RANKINGS, RankBy
from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.engines.reader.reader import Reader, ReadingOptions


@dataclass(frozen=True)
class ReaderModel:
    """Which model a reader has; the parameters of ``DPRReader`` of these names.

    :raises InputError: If one cannot be right.
    """

    model: str
    device: ComponentDevice | None
    token: Secret | None
    dtype: str
    max_seq_length: int | None
    model_kwargs: Mapping[str, Any] | None

    def __post_init__(self) -> None:
        if not self.model.strip():
            msg = f"model must be a name on the Hugging Face hub or a path: got {self.model!r}"
            raise InputError(msg)
        check_token(self.token)
        if self.dtype not in DTYPES:
            msg = f"dtype must be one of {', '.join(DTYPES)}: got {self.dtype!r}"
            raise InputError(msg)

    def load(self) -> Reader:
        """Load it.

        :raises ModelError: If it cannot be found or loaded, or is no reader.
        :raises InputError: If it is an encoder, or does not go with a setting.
        """
        from dpr_haystack.engines.reader.checkpoints import load_reader

        return load_reader(
            self.model,
            device=ComponentDevice.resolve_device(self.device).to_torch_str(),
            token=self.token.resolve_value() if self.token is not None else None,
            dtype=self.dtype,
            max_length=self.max_seq_length,
            model_kwargs=self.model_kwargs,
        )


@dataclass(frozen=True)
class ReaderSettings:
    """What a reader looks for and what it gives; the parameters of ``DPRReader`` of these names.

    :raises InputError: If one cannot be right.
    """

    top_k: int
    max_answer_length: int | None
    rank_by: RankBy
    passages_per_batch: int | None
    no_answer: bool
    retriever_weight: float
    score_threshold: float | None
    max_seq_length: int | None
    stride: int
    answers_per_seq: int | None
    calibration_factor: float
    overlap_threshold: float | None

    def __post_init__(self) -> None:
        if self.rank_by not in RANKINGS:
            msg = f"rank_by must be one of {', '.join(RANKINGS)}: got {self.rank_by!r}"
            raise InputError(msg)
        wholes = ("max_answer_length", 1), ("passages_per_batch", 1), ("max_seq_length", 16), ("answers_per_seq", 1)
        for name, least in wholes:
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), least)
        if not isinstance(self.no_answer, bool):
            msg = f"no_answer must be True or False: got {self.no_answer!r}"
            raise InputError(msg)
        _check_whole("top_k", self.top_k, 0)
        _check_whole("stride", self.stride, 0)
        for name in ("retriever_weight", "score_threshold", "overlap_threshold"):
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name))
        _check_number("calibration_factor", self.calibration_factor)
        if self.calibration_factor == 0:
            msg = "calibration_factor must be more than 0: got 0"
            raise InputError(msg)

    def reading_options(self) -> ReadingOptions:
        """What of this the engine needs."""
        from dpr_haystack.engines.reader.reader import ReadingOptions

        choice = SpanChoice(
            count=self.top_k,
            longest=self.max_answer_length,
            overlap=self.overlap_threshold,
            per_window=self.answers_per_seq,
            calibration=self.calibration_factor,
        )
        return ReadingOptions(choice, self.max_seq_length, self.stride, self.passages_per_batch)

    def changed(self, **changes: Any) -> ReaderSettings:
        """The same with some settings of a run.

        :param changes: New values by name; ``None`` leaves a setting as it is.
        :raises InputError: If one cannot be right.
        """
        return replace(self, **{name: value for name, value in changes.items() if value is not None})


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        msg = f"{name} must be a whole number of at least {least}: got {value!r}"
        raise InputError(msg)


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        msg = f"{name} must be a number of at least 0: got {value!r}"
        raise InputError(msg)


def one_of_both(passages_per_batch: int | None, max_batch_size: int | None) -> int | None:
    """The size of a batch, which has two names.

    :param passages_per_batch: Our name for it.
    :param max_batch_size: The name that ``TransformersExtractiveReader`` has for it.
    :raises InputError: If they contradict each other.
    """
    if passages_per_batch is not None and max_batch_size is not None and passages_per_batch != max_batch_size:
        msg = (
            "passages_per_batch and max_batch_size are two names of one setting: "
            f"got {passages_per_batch} and {max_batch_size}"
        )
        raise InputError(msg)
    return max_batch_size if passages_per_batch is None else passages_per_batch


def plain_kwargs(model_kwargs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """``model_kwargs`` as YAML can hold them: a torch dtype becomes its name.

    :param model_kwargs: What the component got.
    """
    if model_kwargs is None:
        return None
    from haystack.utils.hf import serialize_hf_model_kwargs

    plain = deepcopy(dict(model_kwargs))
    serialize_hf_model_kwargs(plain)
    return plain


def kwargs_from_plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """A component's dictionary with ``model_kwargs`` as they were; the one that is passed stays as it is.

    :param data: What ``to_dict`` gave.
    """
    parameters = dict(data.get("init_parameters", {}))
    if parameters.get("model_kwargs") is not None:
        from haystack.utils.hf import deserialize_hf_model_kwargs

        parameters["model_kwargs"] = deepcopy(parameters["model_kwargs"])
        deserialize_hf_model_kwargs(parameters["model_kwargs"])
    return {**data, "init_parameters": parameters}
