# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The pipelines that travel with the package: they load anywhere, and what one writes the others find."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from haystack import Document, Pipeline, SuperComponent
from haystack.tools import PipelineTool

from dpr_haystack import DPRHybridRetriever, DPRReader, FAISSDocumentStore
from dpr_haystack.core.hybrid_settings import HybridSettings, write_hybrid
from dpr_haystack.errors import InputError, ModelError
from dpr_haystack.pipelines import load_pipeline, pipeline_names, write_pipelines
from dpr_haystack.resources import pipelines_directory
from support.files import ASKED_OF_FOUR, write_four

FILES = sorted(pipelines_directory().glob("*.yml"))
SEARCHES = ("bm25", "dpr", "hybrid")
ANSWERING = {"bm25": "bm25", "dpr": "dpr", "hybrid": "hybrid"}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def asked(name: str, question: str) -> dict[str, dict[str, Any]]:
    """The inputs as Hayhooks makes them from the file's own `inputs`."""
    declared = yaml.safe_load((pipelines_directory() / f"{name}.yml").read_text())["inputs"]["query"]
    return {target.split(".")[0]: {target.split(".")[1]: question} for target in declared}


def found_by(pipeline: Pipeline, name: str, question: str, *, asynchronous: bool = False) -> list[Document]:
    data = asked(name, question)
    result = asyncio.run(pipeline.run_async(data)) if asynchronous else pipeline.run(data)
    return list(result[ANSWERING[name]]["documents"])


def test_they_are_all_here() -> None:
    assert pipeline_names() == [
        "bm25",
        "bm25_qa",
        "dpr",
        "dpr_qa",
        "elasticsearch_bm25",
        "elasticsearch_hybrid_qa",
        "elasticsearch_indexing",
        "hybrid",
        "hybrid_qa",
        "indexing",
    ]
    assert [path.stem for path in FILES] == pipeline_names()


@pytest.mark.slow
def test_a_fresh_process_loads_all_of_them_without_any_allow_list() -> None:
    code = """
import sys
from pathlib import Path
from haystack import Pipeline
assert not any(name.startswith("dpr_haystack") for name in sys.modules)
for path in sys.argv[1:]:
    first = Pipeline.loads(Path(path).read_text())
    with open(path) as file:
        second = Pipeline.load(file)
    text = first.dumps()
    assert second.dumps() == text
    told, again = first.to_dict(), Pipeline.loads(text).to_dict()
    for each in (told, again):
        each["connections"].sort(key=str)  # their order is that of the components, which dumps sorts
    assert again == told
    print(Path(path).stem, len(first.graph.nodes))
"""
    environment = {
        name: value for name, value in os.environ.items() if "DESERIALIZATION" not in name and name != "PYTHONPATH"
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *FILES], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == [
        *("bm25 1", "bm25_qa 2", "dpr 1", "dpr_qa 2", "elasticsearch_bm25 1", "elasticsearch_hybrid_qa 2"),
        *("elasticsearch_indexing 3", "hybrid 1", "hybrid_qa 2", "indexing 3"),
    ]


@every_file
def test_what_hayhooks_reads_fits_the_pipeline(path: Path) -> None:
    """Inputs and outputs name sockets that are there; every input that must be given is declared, and no other."""
    told = yaml.safe_load(path.read_text())
    pipeline = load_pipeline(path)
    targets = {target for targets in told["inputs"].values() for target in targets}
    sockets = pipeline.inputs()
    mandatory = {f"{name}.{key}" for name, each in sockets.items() for key, one in each.items() if one["is_mandatory"]}
    assert mandatory <= targets
    assert all(target.split(".")[1] in sockets[target.split(".")[0]] for target in targets)
    assert list(told["inputs"]) == (["sources"] if path.stem.endswith("indexing") else ["query"])
    for source in told["outputs"].values():
        name, key = source.split(".")
        assert key in pipeline.outputs()[name]


@every_file
def test_nothing_is_loaded_or_made_before_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    load_pipeline(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SEARCHES)
def test_each_search_finds_what_its_retriever_finds(name: str, in_workspace: Path) -> None:
    question = "Where was Albert Einstein born?"
    pipeline = load_pipeline(name)
    documents = found_by(pipeline, name, question)
    assert documents[0].meta["title"] == "Albert Einstein"
    assert len(documents) == 10 or name == "bm25"
    assert all(document.embedding is None for document in documents)
    later = found_by(pipeline, name, question, asynchronous=True)
    assert [(each.id, each.score) for each in later] == [
        (each.id, pytest.approx(each.score, abs=1e-6)) for each in documents
    ]
    pipeline.close()


@pytest.mark.parametrize("name", SEARCHES)
def test_answers_are_read_from_what_the_search_finds(name: str, in_answering: Path) -> None:
    question = "Where was Albert Einstein born?"
    search, answering = load_pipeline(name), load_pipeline(f"{name}_qa")
    retriever: Any = search.get_component(ANSWERING[name])
    retriever.top_k = 20
    documents = found_by(search, name, question)
    expected = DPRReader("model", top_k=3).run(question, documents)["answers"]
    data = asked(f"{name}_qa", question)
    for result in (answering.run(data), asyncio.run(answering.run_async(data))):
        answers = result["reader"]["answers"]
        assert [each.data for each in answers] == [each.data for each in expected]
        assert [each.score for each in answers] == pytest.approx([each.score for each in expected], abs=1e-6)
    search.close()
    answering.close()


@pytest.mark.filterwarnings("ignore:Default value <class 'haystack.core.super_component")
@pytest.mark.parametrize("name", SEARCHES)
def test_a_flat_top_k_takes_the_best_and_changes_no_ranking(name: str, in_workspace: Path) -> None:
    """Also through a SuperComponent and as a tool, which hand it to every component that has such an input."""
    pipeline = load_pipeline(name)
    whole = SuperComponent(pipeline=load_pipeline(name))
    tool = PipelineTool(pipeline=load_pipeline(name), name="search", description="finds passages")
    for question in ("Where was Albert Einstein born?", "Who is the crazy spouse hidden upstairs by Rochester?"):
        expected = [each.id for each in found_by(pipeline, name, question)[:3]]
        data = {"query": question, "top_k": 3}
        for result in (pipeline.run(data)[ANSWERING[name]], whole.run(**data), tool.invoke(**data)):
            assert [each.id for each in result["documents"]] == expected
    pipeline.close()
    whole.pipeline.close()
    tool.close()


@pytest.mark.parametrize("name", SEARCHES)
def test_a_flat_top_k_is_the_number_of_answers(name: str, in_answering: Path) -> None:
    pipeline = load_pipeline(f"{name}_qa")
    question = "Which physicist was born in Ulm?"
    expected = pipeline.run({"query": question})["reader"]["answers"]
    for count in (1, 2):
        answers = pipeline.run({"query": question, "top_k": count})["reader"]["answers"]
        assert [each.data for each in answers if each.data] == [each.data for each in expected if each.data][:count]
    pipeline.close()


def test_the_hybrid_uses_what_was_fitted_for_its_model(own_workspace: Path) -> None:
    """As the command does: weights, normalisation, exact scores and candidates are those of hybrid.json."""
    model = own_workspace / "model"
    shared = model.resolve()
    model.unlink()
    model.mkdir()
    for path in shared.iterdir():
        (model / path.name).symlink_to(path)
    settings = HybridSettings({"bm25": 0.2, "dpr": 0.8}, "zscore", exact_scores=True, candidates=3)
    question = "Who is the bad guy in The Lord of the Rings?"
    plain = load_pipeline("hybrid")
    equal = found_by(plain, "hybrid", question)
    write_hybrid(model / "hybrid.json", settings)
    pipeline = load_pipeline("hybrid")
    retriever: Any = pipeline.get_component("hybrid")
    found = found_by(pipeline, "hybrid", question)
    store = FAISSDocumentStore.from_directory("store")
    given = DPRHybridRetriever(store, str(model), **settings.parameters())
    assert found == given.run(question)["documents"] == DPRHybridRetriever(store, str(model)).run(question)["documents"]
    assert [each.score for each in found] != [each.score for each in equal]
    assert retriever.to_dict()["init_parameters"]["weights"] is None
    assert "exact_scores: true" not in pipeline.dumps()
    assert found_by(plain, "hybrid", question) == equal  # read once, until it is closed
    plain.close()
    assert found_by(plain, "hybrid", question) == found
    plain.close()
    pipeline.close()
    given.close()


def test_without_a_reader_in_the_model_directory_that_is_said(in_workspace: Path) -> None:
    pipeline = load_pipeline("bm25_qa")
    with pytest.raises(ModelError, match=r"has no reader: .*dpr-haystack convert --reader"):
        pipeline.warm_up()


def test_each_weight_of_the_hybrid_belongs_to_the_search_of_its_name(in_workspace: Path) -> None:
    hybrid = load_pipeline("hybrid")
    question = "Who is the bad guy in The Lord of the Rings?"
    for name, weights in {"dpr": {"bm25": 0.0, "dpr": 1.0}, "bm25": {"bm25": 1.0, "dpr": 0.0}}.items():
        retriever: Any = hybrid.get_component("hybrid")
        retriever.weights = weights
        alone = load_pipeline(name)
        expected = [each.id for each in found_by(alone, name, question)[:3]]
        assert [each.id for each in found_by(hybrid, "hybrid", question)[:3]] == expected
        alone.close()
    hybrid.close()


def test_what_indexing_writes_the_searches_find(own_workspace: Path) -> None:
    """The searches are open before the files are indexed, each with a store object of its own."""
    searches = {name: load_pipeline(own_workspace / "pipelines" / f"{name}.yml") for name in SEARCHES}
    for name, search in searches.items():
        assert all("Tambora" not in (each.content or "") for each in found_by(search, name, "Tambora volcano"))
    files = [str(path) for path in write_four(own_workspace / "new").values()]
    indexing = load_pipeline(own_workspace / "pipelines" / "indexing.yml")
    result = indexing.run({"files": {"sources": files}})
    assert result["writer"]["documents_written"] == 5
    for name, search in searches.items():
        for question, word in ASKED_OF_FOUR.items():
            best = found_by(search, name, question)[0]
            assert word in (best.content or ""), (name, question)
            assert str(own_workspace / best.meta["file"]) in files
    again = asyncio.run(indexing.run_async({"files": {"sources": files}}))
    assert again["writer"] == {"documents_written": 0, "documents_removed": 0}
    assert FAISSDocumentStore.from_directory("store").count_documents() == 185 + 5
    for pipeline in (indexing, *searches.values()):
        pipeline.close()
    assert found_by(searches["bm25"], "bm25", "glaciers")[0].meta["page_number"] == 2
    searches["bm25"].close()


def test_indexing_starts_a_store_of_its_own(own_workspace: Path, tmp_path: Path) -> None:
    import shutil

    shutil.rmtree(own_workspace / "store")
    files = [str(path) for path in write_four(tmp_path / "new").values()]
    indexing = load_pipeline("indexing")
    indexing.run({"files": {"sources": files[:1]}})
    search = load_pipeline("dpr")
    assert "oxidize" in (found_by(search, "dpr", "tea")[0].content or "")
    indexing.close()
    search.close()


def test_a_writer_and_a_retriever_of_one_yaml_share_the_store(own_workspace: Path) -> None:
    told = yaml.safe_load((own_workspace / "pipelines" / "indexing.yml").read_text())
    bm25 = yaml.safe_load((own_workspace / "pipelines" / "bm25.yml").read_text())
    told["components"]["bm25"] = bm25["components"]["bm25"]
    pipeline = Pipeline.loads(yaml.safe_dump(told))
    files = [str(path) for path in write_four(own_workspace / "new").values()]
    pipeline.run({"files": {"sources": files}, "bm25": {"query": "Tambora"}})
    found = pipeline.run({"files": {"sources": []}, "bm25": {"query": "Tambora"}})["bm25"]["documents"]
    assert "1815" in found[0].content
    pipeline.close()


def test_a_pipeline_is_loaded_by_its_name_or_its_path(tmp_path: Path) -> None:
    by_name = load_pipeline("bm25")
    assert load_pipeline(pipelines_directory() / "bm25.yml").dumps() == by_name.dumps()
    own = tmp_path / "own.yaml"
    own.write_text(by_name.dumps())
    assert load_pipeline(str(own)).dumps() == by_name.dumps()


@pytest.mark.parametrize("name", ["bm52", "", "nowhere/bm25.yml", "../pyproject", "."])
def test_what_is_not_there_is_said_with_what_is(name: str) -> None:
    with pytest.raises(InputError, match=", ".join(pipeline_names())):
        load_pipeline(name)


@pytest.mark.parametrize("text", ["", "components: [", "- 1\n- 2\n", "components: {a: {type: os.path.Nothing}}\n"])
def test_a_file_that_is_no_pipeline_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.yml"):
        load_pipeline(path)


def test_written_pipelines_do_not_replace_changed_ones(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "pipelines"
    written = write_pipelines(folder)
    assert [path.name for path in written] == [path.name for path in FILES]
    assert all(path.read_bytes() == source.read_bytes() for path, source in zip(written, FILES, strict=True))
    wrappers = [folder / name / "pipeline_wrapper.py" for name in ("ask", "search")]
    assert all("class PipelineWrapper" in wrapper.read_text() for wrapper in wrappers)
    for changed in (folder / "dpr.yml", wrappers[0]):
        changed.write_text("mine")
    (folder / "bm25.yml").unlink()
    wrappers[1].unlink()
    assert write_pipelines(folder) == written
    assert (folder / "dpr.yml").read_text() == wrappers[0].read_text() == "mine"
    assert wrappers[1].exists()
    assert (folder / "bm25.yml").exists()


def test_pipelines_whose_extra_is_not_installed_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpr_haystack.pipelines.find_spec", lambda _: None)
    expected = [path.name for path in FILES if not path.stem.startswith("elasticsearch")]
    assert [path.name for path in write_pipelines(tmp_path)] == expected
    assert sorted(path.name for path in tmp_path.glob("*.yml")) == expected
