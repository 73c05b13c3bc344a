# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The settings of a reader component, checked, and as attributes that can be assigned to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._model_settings import ModelSettings, Setting
from dpr_haystack.core.answer_ranking import PROBABILITIES, RANKINGS, Probabilities, RankBy
from dpr_haystack.core.checks import check_integer, check_number
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.engines.reader.reader import Reader, ReadingOptions

# Smallest value of each integer setting. A top_k of 0 is for single runs: the constructor asks for at least 1.
_INTEGERS = {
    "top_k": 0,
    "stride": 0,
    "max_answer_length": 1,
    "passages_per_batch": 1,
    "max_seq_length": 16,
    "answers_per_seq": 1,
}
_NUMBERS = ("retriever_weight", "score_threshold", "calibration_factor", "overlap_threshold")
_OPTIONAL = (
    "max_answer_length",
    "passages_per_batch",
    "max_seq_length",
    "answers_per_seq",
    "score_threshold",
    "overlap_threshold",
)


@dataclass(frozen=True, kw_only=True)
class ReaderSettings(ModelSettings):
    """The settings of a ``DPRReader``; see its parameters of the same names.

    :raises InputError: If a setting is invalid.
    """

    top_k: int
    max_answer_length: int | None
    rank_by: RankBy
    probabilities: Probabilities
    passages_per_batch: int | None
    no_answer: bool
    retriever_weight: float
    score_threshold: float | None
    max_seq_length: int | None
    stride: int
    answers_per_seq: int | None
    calibration_factor: float
    overlap_threshold: float | None
    title_field: str | None
    progress_bar: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank_by not in RANKINGS:
            msg = f"rank_by must be one of {', '.join(RANKINGS)}: got {self.rank_by!r}"
            raise InputError(msg)
        if self.probabilities not in PROBABILITIES:
            msg = f"probabilities must be one of {', '.join(PROBABILITIES)}: got {self.probabilities!r}"
            raise InputError(msg)
        if not isinstance(self.no_answer, bool):
            msg = f"no_answer must be True or False: got {self.no_answer!r}"
            raise InputError(msg)
        unset = {name for name in _OPTIONAL if getattr(self, name) is None}
        for name, minimum in _INTEGERS.items():
            if name not in unset:
                check_integer(name, getattr(self, name), minimum)
        for name in _NUMBERS:
            if name not in unset:
                check_number(name, getattr(self, name))
        if self.calibration_factor == 0:
            msg = f"calibration_factor must be greater than 0: got {self.calibration_factor!r}"
            raise InputError(msg)

    def changed(self, **changes: Any) -> ReaderSettings:
        """Return a copy with the settings of a single run.

        :param changes: New values by name; ``None`` keeps the present one.
        :raises InputError: If a new value is invalid.
        """
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def reading_options(self) -> ReadingOptions:
        """Return the settings that the engine needs."""
        from dpr_haystack.engines.reader.reader import ReadingOptions

        choice = SpanChoice(
            count=self.top_k,
            longest=self.max_answer_length,
            overlap=self.overlap_threshold,
            per_window=self.answers_per_seq,
            calibration=self.calibration_factor,
        )
        return ReadingOptions(choice, self.max_seq_length, self.stride, self.passages_per_batch)

    def load(self) -> Reader:
        """Load the model.

        :raises ModelError: If it cannot be found or loaded, or is not a reader.
        :raises InputError: If it is an encoder, or does not support a setting.
        """
        from dpr_haystack.engines.reader.checkpoints import load_reader

        return load_reader(
            self.model,
            device=self.torch_device,
            token=self.token_value,
            dtype=self.dtype,
            max_length=self.max_seq_length,
            options=self.load_options(),
        )

    def decides_model(self, name: str) -> bool:
        """See :meth:`ModelSettings.decides_model`."""
        return name == "max_seq_length" or super().decides_model(name)


class ReaderAttributes:
    """The settings of a reader as public attributes."""

    _settings: ReaderSettings
    _reader: Lazy[Reader]

    def _load_again(self) -> None:
        self._reader = Lazy(self._settings.load)

    model = Setting[str]()
    device = Setting[ComponentDevice | None]()
    token = Setting[Secret | None]()
    dtype = Setting[str]()
    top_k = Setting[int]()
    max_answer_length = Setting[int | None]()
    rank_by = Setting[RankBy]()
    probabilities = Setting[Probabilities]()
    passages_per_batch = Setting[int | None]()
    no_answer = Setting[bool]()
    retriever_weight = Setting[float]()
    score_threshold = Setting[float | None]()
    max_seq_length = Setting[int | None]()
    stride = Setting[int]()
    answers_per_seq = Setting[int | None]()
    calibration_factor = Setting[float]()
    overlap_threshold = Setting[float | None]()
    model_kwargs = Setting[dict[str, Any] | None]()
    title_field = Setting[str | None]()
    progress_bar = Setting[bool]()
    revision = Setting[str | None]()
    trust_remote_code = Setting[bool]()
    attn_implementation = Setting[str | None]()
    tokenizer_kwargs = Setting[dict[str, Any] | None]()
    config_kwargs = Setting[dict[str, Any] | None]()


def agreed_batch_size(passages_per_batch: int | None, max_batch_size: int | None) -> int | None:
    """Return the batch size, which has two names.

    :param passages_per_batch: Its name in this package.
    :param max_batch_size: Its name in ``TransformersExtractiveReader``.
    :raises InputError: If both are given and differ.
    """
    if passages_per_batch is not None and max_batch_size is not None and passages_per_batch != max_batch_size:
        msg = (
            "passages_per_batch and max_batch_size are two names of one setting and must be equal: "
            f"got {passages_per_batch!r} and {max_batch_size!r}"
        )
        raise InputError(msg)
    return max_batch_size if passages_per_batch is None else passages_per_batch
