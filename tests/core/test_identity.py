# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from dpr_haystack.core.identity import EncoderIdentity, belongs
from dpr_haystack.errors import InputError

SINGLE = "facebook/dpr-ctx_encoder-single-nq-base"
MULTI = "facebook/dpr-ctx_encoder-multiset-base"
TOWERS = EncoderIdentity("/models/ours", "q1", "/models/ours", "p1")
PUBLISHED = EncoderIdentity("facebook/dpr-question_encoder-single-nq-base", "q2", SINGLE, None)
UNKNOWN = EncoderIdentity("/models/question", "q3")


@pytest.mark.parametrize(
    ("question", "recorded", "expected"),
    [
        (TOWERS, {"model": "/moved/elsewhere", "fingerprint": "p1"}, True),
        (TOWERS, {"model": "/models/ours", "fingerprint": "p2"}, False),  # trained again since
        (TOWERS, {"model": "/models/ours"}, True),
        (TOWERS, {"model": "/models/other"}, None),
        (PUBLISHED, {"model": SINGLE, "fingerprint": "x"}, True),
        (PUBLISHED, {"model": MULTI, "fingerprint": "x"}, False),
        (PUBLISHED, {"model": "/copies/ctx", "fingerprint": "x"}, None),
        (UNKNOWN, {"model": SINGLE, "fingerprint": "x"}, None),
        (UNKNOWN, {"model": None, "fingerprint": None}, None),
        (TOWERS, {}, None),
        (TOWERS, None, None),
    ],
)
def test_which_towers_belong_together(question, recorded, expected):
    assert belongs(question, recorded) is expected


def test_the_record_is_that_of_the_passage_tower():
    assert TOWERS.passage_record() == {"model": "/models/ours", "fingerprint": "p1"}


@pytest.mark.parametrize("identity", [PUBLISHED, UNKNOWN])
def test_no_record_without_a_known_passage_tower(identity):
    with pytest.raises(InputError, match="DPRDocumentEmbedder"):
        identity.passage_record()
