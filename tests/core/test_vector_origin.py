# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""What may be added to vectors of known and unknown origin, and what may be compared with them."""

from __future__ import annotations

import pytest

from dpr_haystack.core.identity import EncoderIdentity
from dpr_haystack.core.vector_origin import VectorOrigin
from dpr_haystack.errors import EncoderMismatch

A, M = {"model": "/a", "fingerprint": "fa"}, {"model": "/m", "fingerprint": "fm"}
ASKS_A = EncoderIdentity("/a", "qa", "/a", "fa")
ASKS_M = EncoderIdentity("/m", "qm", "/m", "fm")
LOOSE = EncoderIdentity("/loose", "ql")
FINE, WARNED, REFUSED = "fine", "warned", "refused"
REMEDY = "dpr-haystack reembed --store s"


def outcome(check, given):
    try:
        warning = check(given)
    except EncoderMismatch:
        return REFUSED
    return FINE if warning is None else WARNED


@pytest.mark.parametrize(
    ("encoder", "vectors", "unknown", "adding", "continuing", "asking"),
    [
        # outcomes for A, for M
        (None, 0, 0, (FINE, FINE), (FINE, FINE), (FINE, FINE)),
        (A, 0, 0, (FINE, REFUSED), (FINE, REFUSED), (FINE, REFUSED)),
        (A, 9, 0, (FINE, REFUSED), (FINE, REFUSED), (FINE, REFUSED)),
        (A, 9, 4, (FINE, REFUSED), (REFUSED, REFUSED), (WARNED, REFUSED)),
        (None, 9, 9, (FINE, FINE), (REFUSED, REFUSED), (WARNED, WARNED)),
        ({"model": "/a"}, 9, 0, (FINE, REFUSED), (FINE, REFUSED), (FINE, WARNED)),
        ({"model": "/copy", "fingerprint": "fa"}, 9, 0, (FINE, REFUSED), (FINE, REFUSED), (FINE, REFUSED)),
        ({"model": "/a", "fingerprint": "f0"}, 9, 0, (REFUSED, REFUSED), (REFUSED, REFUSED), (REFUSED, REFUSED)),
    ],
)
def test_every_combination_has_its_outcome(encoder, vectors, unknown, adding, continuing, asking):
    origin = VectorOrigin("s", encoder, vectors, unknown, REMEDY)
    assert tuple(outcome(origin.check_addition, each) for each in (A, M)) == adding
    assert tuple(outcome(origin.check_continuation, each) for each in (A, M)) == continuing
    assert tuple(outcome(origin.check_question, each) for each in (ASKS_A, ASKS_M)) == asking


def test_a_question_tower_without_a_passage_tower_is_only_warned_of():
    assert outcome(VectorOrigin("s", A, 9, 0).check_question, LOOSE) == WARNED
    assert outcome(VectorOrigin("s", A, 0, 0).check_question, LOOSE) == FINE


@pytest.mark.parametrize(
    ("encoder", "vectors", "unknown", "said"),
    [
        (None, 0, 0, "s has no vectors"),
        (A, 0, 0, "s has no vectors and is meant for those of /a"),
        (None, 9, 9, "s does not record which encoder made its 9 vectors"),
        (A, 9, 0, "the 9 vectors in s were made by /a"),
        (A, 9, 4, "of the 9 vectors in s, 5 were made by /a; nothing says so of the other 4"),
    ],
)
def test_what_is_known_is_said_with_numbers(encoder, vectors, unknown, said):
    assert str(VectorOrigin("s", encoder, vectors, unknown)) == said


def test_refusals_name_both_encoders_and_the_remedy():
    origin = VectorOrigin("s", A, 9, 4, REMEDY)
    with pytest.raises(EncoderMismatch, match=rf"/a.*/m.*{REMEDY} --model /m"):
        origin.check_addition(M)
    with pytest.raises(EncoderMismatch, match=rf"other 4.*{REMEDY} --model /a"):
        origin.check_continuation(A)
    with pytest.raises(EncoderMismatch, match=rf"/a.*question tower /m.*{REMEDY} --model /m"):
        origin.check_question(ASKS_M)
    with pytest.raises(EncoderMismatch, match="/a as it is now, with other weights"):
        VectorOrigin("s", {**A, "fingerprint": "f0"}, 9, 0).check_addition(A)
    with pytest.raises(EncoderMismatch, match="only its name is recorded"):
        VectorOrigin("s", {"model": "/a"}, 9, 0).check_addition(M)
    with pytest.raises(EncoderMismatch) as refused:
        VectorOrigin("index 'i'", None, 9, 9).check_continuation(M)
    assert "reembed" not in str(refused.value)  # there is no such command for an index


@pytest.mark.parametrize(
    ("remedy", "end"), [(REMEDY, f"/a. If it was not, embed everything anew: {REMEDY} --model /a"), ("", "tower /a")]
)
def test_a_warning_names_the_remedy_where_there_is_one(remedy, end):
    warning = VectorOrigin("s", None, 9, 9, remedy).check_question(ASKS_A)
    assert warning is not None
    assert warning.endswith(end)
