# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Cased and multilingual DPR tokenizers against the ``tokenizers`` library put together by hand."""

from __future__ import annotations

import unicodedata

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, BertTokenizer

from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import ModelError
from support.checkpoints import BENGALI_YA, tiny_bert, tiny_dpr, vocabulary

TEXTS = [
    "Je, Uganda nani?",
    "Die Straße in Über London",
    "u\u0308ber",  # the umlaut in two characters
    f"হ{BENGALI_YA} বাংলা",
    "DARWIN wrote Darwin",
]


def by_hand(*, cased: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocabulary())}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased, strip_accents=not cased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def ids(folder, text):
    return load_encoder(str(folder), "question", dtype="float32")._tokenizer.encode([(None, text)])[0]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cased", [True, False])
def test_dpr_tokens(tmp_path, text, cased):
    folder = tiny_dpr(tmp_path / "dpr", "question", cased=cased)
    expected = by_hand(cased=cased).encode(unicodedata.normalize("NFC", text)).ids
    assert ids(folder, text) == [2, *expected, 3]
    if cased:
        assert 1 not in expected  # [UNK]


@pytest.mark.parametrize("text", TEXTS)
def test_dpr_tokens_survive_saving_by_transformers(tmp_path, text):
    folder = tiny_dpr(tmp_path / "dpr", "question", cased=True)
    expected = ids(folder, text)
    # the class of its own writes a tokenizer.json that lower-cases
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    assert (folder / "tokenizer.json").is_file()
    assert ids(folder, text) == expected


def test_transformers_own_dpr_tokenizer_still_lower_cases(tmp_path):
    """If this fails, transformers has mended it: the special case may go."""
    folder = tiny_dpr(tmp_path / "dpr", "question", cased=True)
    assert "uganda" in AutoTokenizer.from_pretrained(folder).tokenize("Uganda")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cased", [True, False])
def test_plain_bert_tokens_are_those_of_transformers(tmp_path, text, cased):
    folder = tiny_bert(tmp_path / "bert", cased=cased)
    assert ids(folder, text) == BertTokenizer.from_pretrained(folder)(text)["input_ids"]


def test_a_broken_configuration_is_named(tmp_path):
    folder = tiny_bert(tmp_path / "bert")
    (folder / "tokenizer_config.json").write_text("{broken")
    with pytest.raises(ModelError, match=r"tokenizer_config\.json cannot be read"):
        load_encoder(str(folder), "question")
