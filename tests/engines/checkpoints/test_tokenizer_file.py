# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Folders with a ``tokenizer.json`` of their own against the ``tokenizers`` library reading that file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.errors import ModelError
from support.checkpoints import tiny_bert, tiny_qa, tiny_roberta, vocabulary

TEXTS = ["Darwin wrote Darwin", "darwin wrote darwin", "rock-n-roll in London", "rock - n - roll in london", "Über"]


def write_own_tokenizer(folder: Path, **settings: object) -> Tokenizer:
    """Keeps case and accents and splits at spaces alone, under the class that BERT's checkpoints name."""
    own = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocabulary())}, unk_token="[UNK]"))
    own.normalizer = normalizers.NFC()
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    own.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    own.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").unlink(missing_ok=True)
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 512, **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return own


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Tokenizer]:
    folder = tiny_bert(tmp_path_factory.mktemp("own") / "tower")
    return str(folder), write_own_tokenizer(folder)


def test_a_tower_reads_texts_as_its_file_says(tower: tuple[str, Tokenizer]) -> None:
    folder, own = tower
    encoder = load_encoder(folder, "passage", dtype="float32")
    got = encoder._tokenizer.encode([(None, text) for text in TEXTS])
    assert got == [own.encode(text).ids for text in TEXTS]
    assert len({tuple(ids) for ids in got}) == len(TEXTS)  # none of them is read like another
    assert encoder._tokenizer.encode([("Darwin", "rock-n")]) == [own.encode("Darwin", "rock-n").ids]


def test_a_reader_does_too(tmp_path: Path) -> None:
    folder = tiny_qa(tmp_path / "reader", "bert")
    own = write_own_tokenizer(folder)
    builder = load_reader(str(folder), dtype="float32")._builder
    encoded = builder._texts.ids(TEXTS)
    assert [encoded[text] for text in TEXTS] == [own.encode(text, add_special_tokens=False).ids for text in TEXTS]


def test_transformers_still_builds_the_steps_anew(tower: tuple[str, Tokenizer]) -> None:
    """If this fails, transformers reads the file itself: reading it here may go."""
    folder, own = tower
    assert AutoTokenizer.from_pretrained(folder)("Darwin")["input_ids"] != own.encode("Darwin").ids


@pytest.mark.parametrize(("configured", "expected"), [(None, False), (True, True), (False, False)])
def test_a_switch_of_the_configuration_wins_over_that_of_the_file(
    tmp_path: Path, configured: bool | None, expected: bool
) -> None:
    folder = tiny_bert(tmp_path / "bert")
    settings = {} if configured is None else {"do_lower_case": configured}
    own = write_own_tokenizer(folder, **settings)
    own.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.BertNormalizer(lowercase=False)])
    own.save(str(folder / "tokenizer.json"))
    ids = load_encoder(str(folder), "passage", dtype="float32")._tokenizer.encode([(None, "Darwin"), (None, "darwin")])
    assert (ids[0] == ids[1]) is expected


@pytest.mark.parametrize("prefix", [True, False])
def test_bytes_with_and_without_a_space_before_the_text(tmp_path: Path, prefix: bool) -> None:
    folder = tiny_roberta(tmp_path / "roberta")
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    own.save(str(folder / "tokenizer.json"))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "add_prefix_space": prefix}))
    ids = load_encoder(str(folder), "passage", dtype="float32")._tokenizer.encode([(None, "Darwin")])
    assert ids == [own.encode("Darwin").ids]
    assert len(ids[0]) == len("Darwin") + 2 + prefix


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "bert")
    (folder / "tokenizer.json").write_text('{"model": 3}')
    with pytest.raises(ModelError, match=r"tokenizer"):
        load_encoder(str(folder), "passage")
