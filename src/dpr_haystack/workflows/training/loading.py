# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Loading training sets from files."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice

from dpr_haystack.core.training_config import TrainingConfig
from dpr_haystack.core.training_set import TrainingSet
from dpr_haystack.errors import DataError
from dpr_haystack.formats.examples import read_examples
from dpr_haystack.formats.labelled import OnNote
from dpr_haystack.formats.open_text import OnBad
from dpr_haystack.formats.tables import TableOptions
from dpr_haystack.formats.training import TrainingExample


def load_training_set(
    files: Iterable[str],
    *,
    limit: int | None = None,
    seed: int | None = None,
    on_bad: OnBad | None = None,
    on_note: OnNote | None = None,
    tables: TableOptions | None = None,
) -> TrainingSet:
    """Read examples; a passage used by several examples is stored once.

    :param files: Files that :func:`~dpr_haystack.formats.examples.read_examples` reads.
    :param limit: The maximum number of questions; None for all.
    :param seed: Seed to draw them with: a smaller sample is a subset of a larger one. None for the first ones.
    :param on_bad: Called with the error of each bad example, which is skipped; None to raise the first.
    :param on_note: Called with a sentence about how a file was read.
    :param tables: How to read CSV and TSV files.
    :raises InputError: If columns or quoting are given for another file.
    :raises DataError: If a file cannot be read, or contains no example.
    """
    examples = _examples(files, on_bad, on_note, tables)
    whole = TrainingSet()
    for example in examples if seed is not None or limit is None else islice(examples, limit):
        whole.add(example.question, example.positives, example.hard_negatives, example.negatives, example.answers)
    return whole if limit is None or seed is None else drawn(whole, limit, seed)


def tables_of(config: TrainingConfig) -> TableOptions:
    """How to read the CSV and TSV files of a configuration.

    :param config: The configuration.
    """
    return TableOptions(config.columns, config.quoting, given_by="the settings columns and quoting")


def _examples(
    files: Iterable[str], on_bad: OnBad | None, on_note: OnNote | None, tables: TableOptions | None
) -> Iterator[TrainingExample]:
    for file in files:
        count = 0
        for example in read_examples(file, on_bad, on_note, tables):
            count += 1
            yield example
        if not count:
            raise DataError(file, "contains no training example")


def drawn(whole: TrainingSet, count: int, seed: int) -> TrainingSet:
    """A sample of the questions of a training set; a smaller sample is a subset of a larger one.

    :param whole: The training set.
    :param count: How many questions; if there are fewer, all are taken.
    :param seed: The random seed.
    """
    if count >= len(whole.rows):
        return whole
    order = random.Random(seed).sample(range(len(whole.rows)), len(whole.rows))  # noqa: S311 -- not for security
    return TrainingSet([whole.rows[number] for number in sorted(order[:count])], whole.passages)
