# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The reader's settings, and the reader as a component of Haystack."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from haystack import Pipeline
from haystack.core.component import component as component_registry
from haystack.utils import ComponentDevice, Secret

from dpr_haystack import DPRReader
from dpr_haystack.errors import InputError, ModelError
from support.checkpoints import tiny_dpr
from support.readers import DOCUMENTS, QUESTION, answers

DOOR = "haystack_integrations.components.readers.dpr.DPRReader"


@pytest.mark.parametrize("wrong", [{"model": None}, {"model": 3}, {"token": "abc"}, {"no_answer": "yes"}])
def test_settings_of_wrong_types_are_refused(wrong):
    with pytest.raises(InputError, match="must be"):
        DPRReader(**{"model": "some/model", **wrong})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("model", " "),
        ("dtype", "half"),
        ("top_k", 0),
        ("top_k", True),
        ("max_answer_length", 0),
        ("rank_by", "score"),
        ("probabilities", "logits"),
        ("passages_per_batch", 0),
        ("max_batch_size", 1.5),
        ("retriever_weight", -1.0),
        ("retriever_weight", float("nan")),
        ("score_threshold", "0.5"),
        ("max_seq_length", 15),
        ("stride", -1),
        ("answers_per_seq", 0),
        ("calibration_factor", 0),
        ("overlap_threshold", -0.1),
    ],
)
def test_invalid_settings_are_refused_on_construction(option, value):
    name = "passages_per_batch" if option == "max_batch_size" else option
    with pytest.raises(InputError, match=f"{name} must be"):
        DPRReader(**{option: value})


def test_settings_can_be_assigned_and_are_checked(reader_folder):
    reader = DPRReader(str(reader_folder), dtype="float32")
    reader.top_k = 2
    reader.no_answer = True
    assert (reader.top_k, reader.no_answer) == (2, True)
    assert [answer.data is None for answer in answers(reader)].count(False) == 2
    assert len(answers(reader)) == 3
    parameters = reader.to_dict()["init_parameters"]
    assert (parameters["top_k"], parameters["no_answer"], parameters["stride"]) == (2, True, 128)
    with pytest.raises(InputError, match="top_k must be an integer of at least 0: got -1"):
        reader.top_k = -1
    assert reader.top_k == 2
    assert DPRReader(str(reader_folder)).top_k == 5
    loaded = reader._reader.get()
    reader.top_k = 3
    assert reader._reader.get() is loaded
    reader.model = "/nowhere"
    with pytest.raises(ModelError, match="no model at '/nowhere'"):
        reader.warm_up()


def test_settings_of_a_run_are_checked_as_well(reader):
    for option, value in {"top_k": -1, "stride": -1, "max_seq_length": 301, "max_batch_size": 0}.items():
        with pytest.raises(InputError, match=r"must be|at most 300"):
            answers(reader, **{option: value})


def test_two_names_of_one_setting():
    assert DPRReader(max_batch_size=4).passages_per_batch == 4
    assert DPRReader(max_batch_size=4, passages_per_batch=4).passages_per_batch == 4
    with pytest.raises(InputError, match="two names of one setting and must be equal: got 8 and 4"):
        DPRReader(max_batch_size=4, passages_per_batch=8)


def test_construction_loads_nothing(tmp_path):
    reader = DPRReader(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="no model at"):
        reader.warm_up()


def test_a_question_encoder_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="is a question encoder"):
        DPRReader(tiny_dpr(tmp_path / "question", "question")).warm_up()


def test_defaults():
    assert component_registry.registry[DOOR] is DPRReader
    assert DPRReader().to_dict() == {
        "type": DOOR,
        "init_parameters": {
            "model": "facebook/dpr-reader-single-nq-base",
            "device": None,
            "token": {"type": "env_var", "env_vars": ["HF_API_TOKEN", "HF_TOKEN"], "strict": False},
            "dtype": "auto",
            "top_k": 5,
            "max_answer_length": 10,
            "rank_by": "passage",
            "probabilities": "softmax",
            "passages_per_batch": None,
            "no_answer": False,
            "retriever_weight": 0.0,
            "score_threshold": None,
            "max_seq_length": None,
            "stride": 128,
            "answers_per_seq": None,
            "calibration_factor": 1.0,
            "overlap_threshold": 0.01,
            "model_kwargs": None,
            "title_field": "title",
            "progress_bar": False,
            "revision": None,
            "trust_remote_code": False,
            "attn_implementation": None,
            "tokenizer_kwargs": None,
            "config_kwargs": None,
        },
    }
    assert DPRReader()._get_telemetry_data() == {"model": "facebook/dpr-reader-single-nq-base"}


def test_round_trip_through_a_dictionary():
    options: dict[str, Any] = {
        "model": "a/b",
        "device": ComponentDevice.from_str("cpu"),
        "token": Secret.from_env_var("MY_TOKEN", strict=False),
        "dtype": "float32",
        "top_k": 7,
        "max_answer_length": None,
        "rank_by": "span",
        "probabilities": "sigmoid",
        "passages_per_batch": 8,
        "no_answer": True,
        "retriever_weight": 0.5,
        "score_threshold": 0.0,
        "max_seq_length": 256,
        "stride": 64,
        "answers_per_seq": 20,
        "calibration_factor": 0.1,
        "overlap_threshold": None,
        "model_kwargs": {"torch_dtype": torch.float32, "nested": {"dtype": torch.bfloat16}},
        "title_field": None,
        "progress_bar": True,
    }
    reader = DPRReader(**options)
    data = reader.to_dict()
    kept = copy.deepcopy(data)
    again = DPRReader.from_dict(data)
    assert {name: getattr(again, name) for name in options} == options
    assert reader.model_kwargs == options["model_kwargs"]
    assert again.to_dict() == data == kept == DPRReader.from_dict(data).to_dict()


def test_loaded_from_yaml_and_run(reader_folder, reader):
    pipeline = Pipeline()
    pipeline.add_component(
        "reader", DPRReader(reader_folder, dtype="float32", model_kwargs={"attn_implementation": "sdpa"})
    )
    loaded = Pipeline.loads(pipeline.dumps())
    results = loaded.run({"reader": {"query": QUESTION, "documents": DOCUMENTS}})["reader"]["answers"]
    assert [answer.data for answer in results] == [answer.data for answer in answers(reader)]
    loaded.close()


def test_copy_close_and_reload(reader_folder):
    reader = DPRReader(reader_folder, dtype="float32")
    reader.warm_up()
    first = reader._reader.get()
    reader.warm_up()
    assert reader._reader.get() is first
    twin = copy.deepcopy(reader)
    reader.close()
    assert answers(reader) == answers(twin)
    assert reader._reader.get() is not first


def test_several_threads_load_the_model_once(reader_folder, monkeypatch):
    from dpr_haystack.engines.reader import checkpoints

    loaded = []
    load = checkpoints.load_reader

    def counting(*args, **kwargs):
        loaded.append(args)
        return load(*args, **kwargs)

    monkeypatch.setattr(checkpoints, "load_reader", counting)
    reader = DPRReader(reader_folder, dtype="float32")
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: answers(reader), range(12)))
    assert all(one == results[0] for one in results)
    assert len(loaded) == 1


def test_progress_bar(reader_folder, reader, capsys):
    answers(DPRReader(reader_folder, dtype="float32", progress_bar=True))
    assert "3/3" in capsys.readouterr().err
    answers(reader)
    assert "3/3" not in capsys.readouterr().err
