# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The settings of a reader component, checked, and as attributes that can be assigned to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from haystack.utils import ComponentDevice, Secret

from dpr_haystack.components._model_options import ModelOptions
from dpr_haystack.components._towers import check_model_options
from dpr_haystack.core.answer_ranking import PROBABILITIES, RANKINGS, Probabilities, RankBy
from dpr_haystack.core.checks import check_integer, check_number
from dpr_haystack.core.lazy import Lazy
from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.errors import InputError

if TYPE_CHECKING:
    from dpr_haystack.engines.reader.reader import Reader, ReadingOptions

T = TypeVar("T")

# What the model is loaded with.
_OF_MODEL = {"model", "device", "token", "dtype", "max_seq_length", *(field.name for field in fields(ModelOptions))}

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


@dataclass(frozen=True)
class ReaderSettings:
    """The settings of a ``DPRReader``; see its parameters of the same names.

    :raises InputError: If a setting is invalid.
    """

    model: str
    device: ComponentDevice | None
    token: Secret | None
    dtype: str
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
    model_kwargs: dict[str, Any] | None
    title_field: str | None
    progress_bar: bool
    revision: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    tokenizer_kwargs: dict[str, Any] | None = None
    config_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.model_options()
        check_model_options(self.model, self.token, self.dtype)
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
            device=ComponentDevice.resolve_device(self.device).to_torch_str(),
            token=self.token.resolve_value() if self.token is not None else None,
            dtype=self.dtype,
            max_length=self.max_seq_length,
            options=self.model_options().load_options(),
        )

    def model_options(self) -> ModelOptions:
        """Return the arguments for transformers and the hub.

        :raises InputError: If one is invalid.
        """
        return ModelOptions(**{field.name: getattr(self, field.name) for field in fields(ModelOptions)})

    def init_parameters(self) -> dict[str, Any]:
        """Return the arguments of the constructor, for ``to_dict``: a torch dtype in ``model_kwargs`` by its name."""
        parameters = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**parameters, **self.model_options().parameters()}


class Setting(Generic[T]):
    """A setting as an attribute of the reader. Assigning a value replaces the settings, which checks them again.

    A setting of the model takes effect at the next use, which loads the model again.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, reader: None, owner: type) -> Setting[T]: ...

    @overload
    def __get__(self, reader: ReaderAttributes, owner: type) -> T: ...

    def __get__(self, reader: ReaderAttributes | None, owner: type) -> Any:
        return self if reader is None else getattr(reader._settings, self._name)

    def __set__(self, reader: ReaderAttributes, value: T) -> None:
        changes: dict[str, Any] = {self._name: value}
        reader._settings = replace(reader._settings, **changes)
        if self._name in _OF_MODEL:
            reader._reader = Lazy(reader._settings.load)


class ReaderAttributes:
    """The settings of a reader as public attributes."""

    _settings: ReaderSettings
    _reader: Lazy[Reader]

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
