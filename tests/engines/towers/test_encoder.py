# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The encoder against transformers' own output."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from dpr_haystack.engines.towers.loading import load_encoder
from dpr_haystack.engines.towers.tower import TowerUse
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import reference, tiny_bert, tiny_dpr, tiny_roberta

pytestmark = pytest.mark.slow

LONG = "the origin of species was the book of darwin " * 60
TEXTS = [
    ("Charles Darwin", "Darwin was a naturalist in England."),
    (None, "who wrote the origin of species"),
    ("the origin", LONG),
    (LONG, LONG),
    (LONG, "short"),
    (None, LONG),
    (None, ""),
    ("title", ""),
]


@pytest.fixture(scope="module")
def dpr(tmp_path_factory):
    root = tmp_path_factory.mktemp("dpr")
    return {
        (part, projection): tiny_dpr(root / f"{part}{projection}", part, projection=projection, seed=projection)
        for part in ("question", "passage")
        for projection in (0, 12)
    }


def encode(folder, role, texts, max_length=None, **use):
    encoder = load_encoder(str(folder), role, dtype="float32", max_length=max_length, use=TowerUse(**use))
    return encoder.encode(texts)


@pytest.mark.parametrize("projection", [0, 12])
@pytest.mark.parametrize("role", ["question", "passage"])
def test_dpr_vectors_are_those_of_transformers(dpr, role, projection):
    folder = dpr[role, projection]
    expected = reference(folder, role, TEXTS)
    got = encode(folder, role, TEXTS)
    assert got.dtype == np.float32
    assert got.shape == (len(TEXTS), projection or 32)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)
    # the test would miss a mistake if all texts got about the same vector
    distances = torch.cdist(expected, expected) + torch.eye(len(TEXTS)) * 9
    assert distances.min() > 0.05


@pytest.mark.parametrize("max_length", [8, 33, 256])
def test_longer_inputs_are_cut_as_transformers_cuts_them(dpr, max_length):
    folder = dpr["passage", 0]
    expected = reference(folder, "passage", TEXTS, max_length=max_length)
    np.testing.assert_allclose(encode(folder, "passage", TEXTS, max_length=max_length), expected, atol=1e-5)


def test_dpr_reads_256_tokens_by_default_and_never_more_than_it_has_positions(dpr):
    folder = str(dpr["question", 0])
    assert load_encoder(folder, "question").max_length == 256
    with pytest.raises(InputError, match=r"max_length must be at most 300, .*: got 301"):
        load_encoder(folder, "question", max_length=301)


def test_what_the_encoder_says_about_itself(dpr):
    encoder = load_encoder(str(dpr["passage", 12]), "passage", dtype="float32")
    said = (encoder.role, encoder.dimension, encoder.pooling, encoder.normalize, encoder.similarity, encoder.dtype)
    assert said == ("passage", 12, "cls", False, "dot_product", "float32")


@pytest.mark.parametrize("batch_size", [1, 3, None])
def test_batches_and_windows_do_not_change_the_vectors(dpr, batch_size):
    encoder = load_encoder(str(dpr["passage", 0]), "passage", dtype="float32")
    texts: list[tuple[str | None, str]] = [(None, "darwin " * (1 + 7 * i % 40)) for i in range(50)]
    expected = np.concatenate([encoder.encode([text]) for text in texts])
    done: list[Any] = []
    got = encoder.encode(texts, batch_size=batch_size, window_size=16, progress=done.append)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert sum(done) == 50
    assert max(done) <= (batch_size or 16)


def test_nothing_to_encode(dpr):
    assert encode(dpr["question", 12], "question", []).shape == (0, 12)


def test_threads_do_not_disturb_each_other(dpr):
    encoder = load_encoder(str(dpr["passage", 0]), "passage", dtype="float32")
    jobs = [[(None, f"darwin {i} " * (i % 9 + 1)), ("title", "the book " * i)] for i in range(16)]
    expected = [encoder.encode(job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        for got, want in zip(pool.map(encoder.encode, jobs), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-6)


def plain_reference(folder, texts, pooling, max_length):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    rows = []
    for title, text in texts:
        pair = ([text],) if title is None else ([title], [text])
        ids = tokenizer(*pair, truncation=True, max_length=max_length, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            tokens = model(input_ids=ids, token_type_ids=torch.zeros_like(ids)).last_hidden_state[0]
        rows.append(tokens[0] if pooling == "cls" else tokens.mean(0))
    return torch.stack(rows)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_plain_bert(tmp_path, pooling):
    folder = tiny_bert(tmp_path / "bert")
    expected = plain_reference(folder, TEXTS, pooling, 256)
    np.testing.assert_allclose(encode(folder, "passage", TEXTS, pooling=pooling), expected, atol=1e-5)
    if pooling == "cls":
        np.testing.assert_allclose(encode(folder, "question", TEXTS), expected, atol=1e-5)
    unit = encode(folder, "passage", TEXTS, pooling=pooling, normalize=True)
    np.testing.assert_allclose(unit, torch.nn.functional.normalize(expected), atol=1e-5)


def test_roberta_gets_its_own_pair_form_and_positions(tmp_path):
    folder = tiny_roberta(tmp_path / "roberta")
    encoder = load_encoder(str(folder), "passage", dtype="float32")
    assert encoder.max_length == 64  # 66 positions, of which its padding takes two
    expected = plain_reference(folder, TEXTS, "cls", 64)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    ids = encoder._tokenizer.encode([("a", "b")])[0]
    assert ids == [0, ids[1], 2, 2, ids[4], 2]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_close_and_comes_out_as_float32(dpr, dtype, caplog):
    folder = dpr["passage", 0]
    exact = encode(folder, "passage", TEXTS)
    half = load_encoder(str(folder), "passage", dtype=dtype)
    got = half.encode(TEXTS)
    assert (half.dtype, got.dtype) == (dtype, np.float32)
    cosine = (got * exact).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(exact, axis=1)
    assert cosine.min() > 0.99
    assert ("float16 is very slow" in caplog.text) == (dtype == "float16")


def test_a_tower_for_the_other_role_is_refused_with_the_right_name(dpr):
    with pytest.raises(InputError, match=r"is a passage encoder .* DPRDocumentEmbedder loads"):
        load_encoder(str(dpr["passage", 0]), "question")
    with pytest.raises(InputError, match=r"is a question encoder .* DPRTextEmbedder loads"):
        load_encoder(str(dpr["question", 0]), "passage")


def test_without_architectures_the_weights_say_what_it_is(tmp_path):
    folder = tiny_dpr(tmp_path / "x", "passage")
    config = (folder / "config.json").read_text().replace("architectures", "was")
    (folder / "config.json").write_text(config)
    with pytest.raises(InputError, match="is a passage encoder"):
        load_encoder(str(folder), "question")
    expected = reference(folder, "passage", TEXTS[:2])
    np.testing.assert_allclose(encode(folder, "passage", TEXTS[:2]), expected, atol=1e-5)


def test_what_is_no_encoder_is_named(tmp_path):
    folder = tiny_dpr(tmp_path / "reader", "reader")
    with pytest.raises(ModelError, match="DPR reader"):
        load_encoder(str(folder), "passage")
    bert = tiny_bert(tmp_path / "bert")
    config = (bert / "config.json").read_text()
    for name, what in [("BertForSequenceClassification", "cross-encoder"), ("BertForQuestionAnswering", "reader")]:
        (bert / "config.json").write_text(config.replace("BertModel", name))
        with pytest.raises(ModelError, match=what):
            load_encoder(str(bert), "passage")


def test_missing_weights_are_not_made_up(tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    other = tiny_bert(tmp_path / "bert")
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"lack .* tensors of a DPRQuestionEncoder"):
        load_encoder(str(folder), "question")


@pytest.mark.parametrize(
    ("remove", "says"),
    [
        (["model.safetensors"], "has no weights"),
        (["vocab.txt"], "has no tokenizer"),
        (["config.json"], "holds no model: expected dpr.json"),
        (["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"], "it is empty"),
    ],
)
def test_a_broken_folder_says_what_is_missing(tmp_path, remove, says):
    folder = tiny_dpr(tmp_path / "question", "question")
    for name in remove:
        (folder / name).unlink()
    with pytest.raises(ModelError, match=says):
        load_encoder(str(folder), "question")


def test_a_vocabulary_that_does_not_fit_the_model_is_refused(tmp_path):
    folder = tiny_dpr(tmp_path / "question", "question")
    with (folder / "vocab.txt").open("a") as file:
        file.write("onemore\n")
    with pytest.raises(ModelError, match="does not fit its model"):
        load_encoder(str(folder), "question")


@pytest.mark.parametrize(("option", "value"), [("use", TowerUse(pooling="median")), ("dtype", "int8")])
def test_unknown_settings_are_refused(dpr, option, value):
    with pytest.raises(InputError, match=r"(pooling|dtype) must be one of"):
        load_encoder(str(dpr["question", 0]), "question", **{option: value})


def test_identity_of_single_checkpoints(tmp_path, dpr):
    question = load_encoder(str(dpr["question", 0]), "question").identity
    passage = load_encoder(str(dpr["passage", 0]), "passage").identity
    assert (question.passage_model, question.passage_fingerprint) == (None, None)
    assert passage.passage_record() == {"model": str(dpr["passage", 0]), "fingerprint": passage.fingerprint}
    moved = tmp_path / "moved"
    dpr["passage", 0].rename(moved)
    try:
        again = load_encoder(str(moved), "passage").identity
        assert (again.model, again.fingerprint) == (str(moved), passage.fingerprint)
    finally:
        moved.rename(dpr["passage", 0])
    other = load_encoder(str(tiny_dpr(tmp_path / "other", "passage", seed=5)), "passage").identity
    assert other.fingerprint != passage.fingerprint
    bert = str(tiny_bert(tmp_path / "bert"))
    assert load_encoder(bert, "question").identity == load_encoder(bert, "passage").identity


def test_the_fingerprint_follows_the_weights_not_the_file_format(tmp_path):
    folder = tiny_dpr(tmp_path / "a", "question")
    before = load_encoder(str(folder), "question")
    state = {"question_encoder.bert_model.embeddings.position_ids": torch.arange(300)[None]}
    from safetensors.torch import load_file

    torch.save(state | load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    after = load_encoder(str(folder), "question")
    assert after.identity == before.identity
    np.testing.assert_array_equal(after.encode(TEXTS[:2]), before.encode(TEXTS[:2]))
