# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Readers of several families, written and read again, against their own layers applied by hand."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    BertConfig,
    DPRReader,
    DPRReaderTokenizer,
    PreTrainedTokenizerFast,
)

from dpr_haystack.core.model_directory import read_manifest
from dpr_haystack.core.spans import PassageReading, SpanChoice
from dpr_haystack.core.text import PassageText
from dpr_haystack.engines.checkpoints.tokenization import load_tokenizer
from dpr_haystack.engines.reader.checkpoints import load_reader
from dpr_haystack.engines.reader.inputs import WindowSize
from dpr_haystack.engines.reader.model_directory import add_reader
from dpr_haystack.engines.reader.reader import ReadingOptions
from dpr_haystack.engines.reader.saving import check_trainable_reader, save_reader, training_inputs
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_bert, tiny_dpr, vocabulary
from support.families import tiny_config, tiny_family

pytestmark = [pytest.mark.filterwarnings("ignore")]

FAMILIES = ["bert", "roberta", "distilbert", "electra", "deberta-v2", "mpnet", "xlnet"]
PAIRS: list[tuple[str, PassageText]] = [
    ("who wrote the book", ("darwin", "the book of darwin was in london")),
    ("who", (None, "darwin " * 8)),
]
OPTIONS = ReadingOptions(SpanChoice(count=1))


class Parts:
    """An encoder, the two layers on it, and its tokenizer: what a trainer has."""

    def __init__(self, folder: Path, family: str) -> None:
        tiny_family(folder, family)
        self.backbone: Any = AutoModel.from_pretrained(folder).eval()
        self.tokenizer = load_tokenizer(folder, self.backbone.config)
        torch.manual_seed(3)
        size = self.backbone.config.hidden_size
        self.spans, self.selection = nn.Linear(size, 2), nn.Linear(size, 1)

    def save(self, target: Path, *, max_length: int = 40, **more: Any) -> Path:
        heads: dict[str, Any] = {"qa_outputs": self.spans, "qa_classifier": self.selection}
        return save_reader(
            target, backbone=self.backbone, tokenizer=self.tokenizer, max_length=max_length, **heads, **more
        )

    def encoded(self, question: str, passage: PassageText, folder: Path) -> Any:
        """The input as transformers makes it, and the places of the passage in it."""
        title, text = passage
        if self.backbone.config.model_type == "bert":
            encoded = DPRReaderTokenizer.from_pretrained(folder)(question, title or "", text, return_tensors="pt")
            length = len(self.tokenizer(text, add_special_tokens=False)["input_ids"])
            return encoded, range(encoded["input_ids"].shape[1] - length, encoded["input_ids"].shape[1])
        encoded = AutoTokenizer.from_pretrained(folder)(question, text, return_tensors="pt")
        tokens = [index for index, part in enumerate(encoded.encodings[0].sequence_ids) if part == 1]
        if "token_type_ids" not in inspect.signature(self.backbone.forward).parameters:
            encoded.pop("token_type_ids", None)
        return encoded, tokens

    @torch.no_grad()
    def check(self, question: str, passage: PassageText, reading: PassageReading, folder: Path) -> None:
        encoded, tokens = self.encoded(question, passage, folder)
        hidden = self.backbone(**encoded)[0][0]
        start, end = self.spans(hidden).unbind(-1)
        assert reading.null == pytest.approx(float(start[0] + end[0]), abs=1e-4)
        best = max(float(start[first] + end[last]) for first in tokens for last in tokens if first <= last)
        assert reading.spans[0].logit == pytest.approx(best, abs=1e-4)
        assert reading.relevance == pytest.approx(float(self.selection(hidden[0])), abs=1e-4)


@pytest.fixture(scope="module", params=FAMILIES)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Parts, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    parts = Parts(folder / "encoder", request.param)
    return parts, parts.save(folder / "model", training={"steps": 3}, made_from="the/encoder")


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> tuple[Parts, Path]:
    folder = tmp_path_factory.mktemp("roberta")
    parts = Parts(folder / "encoder", "roberta")
    return parts, parts.save(folder / "model")


def test_it_reads_with_the_same_scores(saved: tuple[Parts, Path]) -> None:
    parts, directory = saved
    reader = load_reader(str(directory), dtype="float32")
    assert (reader.scores_passages, reader.max_length) == (True, 40)
    for (question, passage), reading in zip(PAIRS, reader.read(PAIRS, OPTIONS), strict=True):
        parts.check(question, passage, reading, directory / "reader")
    manifest = read_manifest(directory)
    assert (manifest.made_from, manifest.reader_training) == ({"reader": "the/encoder"}, {"steps": 3})


def test_transformers_reads_the_folder_with_the_same_scores(saved: tuple[Parts, Path]) -> None:
    parts, directory = saved
    folder = directory / "reader"
    is_bert = parts.backbone.config.model_type == "bert"
    cls: Any = DPRReader if is_bert else AutoModelForQuestionAnswering
    model, report = cls.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    encoded, _ = parts.encoded(*PAIRS[0], folder)
    with torch.no_grad():
        output = model.eval()(**encoded)
        hidden = parts.backbone(**encoded)[0]
        start, end = parts.spans(hidden).unbind(-1)
        torch.testing.assert_close(output.start_logits, start)
        torch.testing.assert_close(output.end_logits, end)
        if is_bert:
            torch.testing.assert_close(output.relevance_logits, parts.selection(hidden[:, 0]).squeeze(-1))
    assert (folder / "passage_selection.safetensors").exists() is not is_bert


def test_inputs_are_those_of_the_training(saved: tuple[Parts, Path]) -> None:
    parts, directory = saved
    loaded: Any = load_reader(str(directory))._builder
    trained = training_inputs(parts.tokenizer, parts.backbone)
    pairs = [*PAIRS, ("Who\u2019s U\u0308ber", ("Z", "die Stra\u00dfe u\u0308ber"))]
    size = WindowSize(40, 8, None)
    for ours, theirs in zip(loaded.build(pairs, size), trained.build(pairs, size), strict=True):
        assert ours.starts.tolist() == theirs.starts.tolist()
        assert [ours.ids(window) for window in ours.windows] == [theirs.ids(window) for window in theirs.windows]
        assert (ours.types, ours.first) == (theirs.types, theirs.first)


def test_a_dpr_model_is_trained_further(tmp_path: Path) -> None:
    """Its BERT model has the configuration of a DPR model."""
    folder = tiny_dpr(tmp_path / "old", "reader")
    model: Any = DPRReader.from_pretrained(folder)
    predictor = model.span_predictor
    backbone = predictor.encoder.bert_model
    check_trainable_reader(backbone.config)
    tokenizer = load_tokenizer(folder, model.config)
    saved = save_reader(
        tmp_path / "new",
        backbone=backbone,
        qa_outputs=predictor.qa_outputs,
        qa_classifier=predictor.qa_classifier,
        tokenizer=tokenizer,
        max_length=300,
    )
    old, new = (load_reader(str(model), dtype="float32") for model in (folder, saved))
    assert new.read(PAIRS, OPTIONS) == old.read(PAIRS, OPTIONS)
    (item,) = training_inputs(tokenizer, backbone).build(PAIRS[:1], WindowSize(300, 8, None))
    assert item.types is None
    assert item.head.count(tokenizer.sep_token_id) == 2


def test_a_cased_vocabulary_is_read_as_in_training(tmp_path: Path) -> None:
    """The parts of a letter are composed in both."""
    folder = tiny_bert(tmp_path / "bert", cased=True)
    backbone: Any = AutoModel.from_pretrained(folder)
    tokenizer = load_tokenizer(folder, backbone.config)
    save_reader(
        tmp_path / "m",
        backbone=backbone,
        qa_outputs=nn.Linear(32, 2),
        qa_classifier=nn.Linear(32, 1),
        tokenizer=tokenizer,
        max_length=64,
    )
    pair = ("Who U\u0308ber Stra\u00dfe", ("Je", "U\u0308ber London"))
    trained = training_inputs(tokenizer, backbone)
    loaded: Any = load_reader(str(tmp_path / "m"))._builder
    (ours,), (theirs,) = (each.build([pair], WindowSize(64, 8, None)) for each in (loaded, trained))
    assert (ours.head, ours.tokens) == (theirs.head, theirs.tokens)
    assert ours.tokens[0] == vocabulary().index("\u00dcber")


def test_a_bert_model_with_a_vocabulary_of_another_kind(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "bert", "bert")
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581who", -1.0), ("\u2581darwin", -1.0)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", 0), ("</s>", 2)]
    backend.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B </s>", ends)
    special = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
    parts.tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    loaded: Any = load_reader(str(parts.save(tmp_path / "model")))._builder
    for builder in (loaded, training_inputs(parts.tokenizer, parts.backbone)):
        (item,) = builder.build([("who", ("darwin", "who darwin"))], WindowSize(40, 8, None))
        assert item.ids(item.windows[0]) == [0, 4, 2, 5, 2, 4, 5]
        assert item.first == 0


def test_numbers_in_other_formats_are_stored_in_float32(roberta: tuple[Parts, Path], tmp_path: Path) -> None:
    parts, _ = roberta
    parts.backbone.bfloat16()
    try:
        before = torch.get_rng_state()
        parts.save(tmp_path / "model", max_length=20)
        assert torch.equal(torch.get_rng_state(), before)
    finally:
        parts.backbone.float()
    tensors = load_file(tmp_path / "model" / "reader" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert load_reader(str(tmp_path / "model")).max_length == 20


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_both_forms_are_added_to_a_model_directory(family: str, tmp_path: Path, tiny_models: tuple[Path, Path]) -> None:
    trained = Parts(tmp_path / "encoder", family).save(tmp_path / "trained", max_length=33, training={"steps": 3})
    for number, source in enumerate((trained, trained / "reader")):
        directory = Path(shutil.copytree(tiny_models[0], tmp_path / f"pair{number}"))
        add_reader(str(source), directory)
        reader = load_reader(str(directory), dtype="float32")
        assert reader.read(PAIRS, OPTIONS) == load_reader(str(trained), dtype="float32").read(PAIRS, OPTIONS)
        assert reader.scores_passages
        manifest = read_manifest(directory)
        assert list(manifest.parts) == ["question", "passage", "reader"]
        if source == trained:
            assert (reader.max_length, manifest.reader_training) == (33, {"steps": 3})


def test_without_the_file_nothing_changes(roberta: tuple[Parts, Path], tmp_path: Path) -> None:
    copied = Path(shutil.copytree(roberta[1], tmp_path / "model"))
    (copied / "reader" / "passage_selection.safetensors").unlink()
    reader = load_reader(str(copied), dtype="float32")
    assert not reader.scores_passages
    for plain, whole in zip(
        reader.read(PAIRS, OPTIONS), load_reader(str(roberta[1]), dtype="float32").read(PAIRS, OPTIONS), strict=True
    ):
        assert plain.relevance is None
        assert plain.null == pytest.approx(whole.null, abs=1e-5)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (None, "cannot be read: .* Copy it again, or delete it"),
        ({"weight": torch.ones(1, 31), "bias": torch.ones(1)}, r"does not fit its model: .* got .*\(1, 31\)"),
        ({"weight": torch.ones(1, 32)}, r"does not fit its model: expected tensors of the shapes .*bias"),
        ({"weight": torch.full((1, 32), torch.nan), "bias": torch.ones(1)}, "contains NaN"),
    ],
)
def test_a_damaged_file_is_refused_by_name(
    roberta: tuple[Parts, Path], tmp_path: Path, tensors: dict[str, torch.Tensor] | None, message: str
) -> None:
    copied = Path(shutil.copytree(roberta[1], tmp_path / "model"))
    path = copied / "reader" / "passage_selection.safetensors"
    if tensors is None:
        path.write_bytes(path.read_bytes()[:-3])
    else:
        save_file(tensors, path)
    with pytest.raises(ModelError, match=f"passage_selection.safetensors {message}"):
        load_reader(str(copied))


def test_a_model_with_another_head_does_not_take_the_file(roberta: tuple[Parts, Path], tmp_path: Path) -> None:
    tiny_family(tmp_path, "modernbert", reader=True)
    shutil.copyfile(roberta[1] / "reader" / "passage_selection.safetensors", tmp_path / "passage_selection.safetensors")
    with pytest.raises(ModelError, match="which a ModernBertForQuestionAnswering is not"):
        load_reader(str(tmp_path))


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("modernbert", "more than one linear layer"),
        ("splinter", "more than one linear layer"),
        ("gpt2", "reads from left to right"),
        ("bart", "it has a decoder"),
        ("reformer", "hashes texts at random"),
        ("nomic_bert", "no class for question answering"),
    ],
)
def test_encoders_of_which_no_reader_can_be_made(family: str, reason: str) -> None:
    with pytest.raises(
        InputError, match=f"a reader cannot be made of .* {family}: .*{reason}.*; train a BERT"
    ) as error:
        check_trainable_reader(tiny_config(family))
    assert "\n" not in str(error.value)


def test_a_decoder_of_bert_is_refused_and_other_labels_are_not() -> None:
    with pytest.raises(InputError, match="left to right"):
        check_trainable_reader(BertConfig(is_decoder=True))
    config = tiny_config("roberta")
    config.num_labels = 3
    check_trainable_reader(config)
    assert config.num_labels == 3


def test_what_does_not_fit_is_refused_before_anything_is_written(
    roberta: tuple[Parts, Path], tmp_path: Path, tiny_models: tuple[Path, Path]
) -> None:
    parts, _ = roberta
    usual = {"backbone": parts.backbone, "tokenizer": parts.tokenizer, "max_length": 40}
    usual |= {"qa_outputs": parts.spans, "qa_classifier": parts.selection}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"qa_outputs": nn.Linear(32, 3)}, "qa_outputs must have 32 inputs, 2 outputs and a bias"),
        ({"qa_classifier": nn.Linear(31, 1)}, "qa_classifier must have 32 inputs, 1 outputs and a bias"),
        ({"max_length": 5000}, "max_length must be at most"),
    ]
    for changes, message in wrong:
        with pytest.raises(InputError, match=message):
            save_reader(tmp_path / "model", **{**usual, **changes})
    assert not (tmp_path / "model").exists()
    pair = Path(shutil.copytree(tiny_models[0], tmp_path / "pair"))
    with pytest.raises(InputError, match="holds a model with question, passage, which a reader does not replace"):
        parts.save(pair)
    with pytest.raises(InputError, match="is not a model directory, so it is not replaced"):
        parts.save(tiny_dpr(tmp_path / "dpr", "reader"))
    assert parts.save(tmp_path / "model") == tmp_path / "model"
    assert parts.save(tmp_path / "model", max_length=30) == tmp_path / "model"
    assert load_reader(str(tmp_path / "model")).max_length == 30
