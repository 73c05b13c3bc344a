# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import math
from typing import Any

import pytest

from dpr_haystack.core.checks import check_integer, check_number
from dpr_haystack.errors import InputError
from dpr_haystack.store.errors import BadDocument


@pytest.mark.parametrize(("value", "minimum"), [(1, 1), (0, 0), (10**30, 1), (-3, -3)])
def test_integers_in_range(value: int, minimum: int) -> None:
    check_integer("top_k", value, minimum)


@pytest.mark.parametrize("value", [0, -1, True, False, 1.0, "1", None, math.nan])
def test_what_is_not_an_integer_of_at_least_one(value: Any) -> None:
    with pytest.raises(InputError) as error:
        check_integer("top_k", value)
    assert str(error.value) == f"top_k must be an integer of at least 1: got {value!r}"


def test_the_class_of_the_error() -> None:
    with pytest.raises(BadDocument, match="at least 0: got -1"):
        check_integer("top_k", -1, minimum=0, error=BadDocument)


@pytest.mark.parametrize("value", [0, 0.0, 1.5, 10**300])
def test_numbers_in_range(value: float) -> None:
    check_number("weight", value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, True, "1", None])
def test_what_is_not_a_finite_number_of_at_least_zero(value: Any) -> None:
    with pytest.raises(InputError) as error:
        check_number("weight", value)
    assert str(error.value) == f"weight must be a finite number of at least 0: got {value!r}"
