# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
import csv
import gzip
import io
import json
import tracemalloc
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpr_haystack.core.passages import Passage, make_passage, passage_id
from dpr_haystack.errors import DataError, InputError
from dpr_haystack.formats.columns import examples_from_frame, read_columns, write_columns
from dpr_haystack.formats.examples import read_examples
from dpr_haystack.formats.results import RetrievalResult, RetrievedPassage, read_results, results_writer, write_results
from dpr_haystack.formats.training import TrainingExample, read_training, write_training

# As the original repository's README describes it.
ORIGINAL: dict[str, Any] = {
    "dataset": "nq_train_psgs_w100",
    "question": "who got the first nobel prize in physics",
    "answers": ["Wilhelm Conrad Röntgen"],
    "positive_ctxs": [
        {
            "title": "Nobel_Prize",
            "text": "The first went to Röntgen.",
            "score": 9,
            "title_score": 1,
            "passage_id": "7",
        }
    ],
    "negative_ctxs": [{"title": "Nothing", "text": "Else.", "score": 0, "title_score": 0, "psg_id": 8}],
    "hard_negative_ctxs": [{"title": "", "text": "A prize."}, {"text": "Another prize.", "passage_id": ""}],
}


def written(path, content):
    data = (content if isinstance(content, str) else json.dumps(content, indent=2)).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["train.json", "train.json.gz", "train.jsonl", "train.jsonl.gz"])
def test_dpr_training_files(tmp_path, name):
    content = json.dumps(ORIGINAL) + "\n\n" if "jsonl" in name else [ORIGINAL]
    (example,) = read_training(written(tmp_path / name, content))
    assert example == TrainingExample(
        question=ORIGINAL["question"],
        answers=("Wilhelm Conrad Röntgen",),
        positives=(Passage("7", "Nobel Prize", "The first went to Röntgen.", {"score": 9, "title_score": 1}),),
        negatives=(Passage("8", "Nothing", "Else.", {"score": 0, "title_score": 0, "psg_id": 8}),),
        hard_negatives=(
            Passage(passage_id("", "A prize."), "", "A prize."),
            Passage(passage_id("", "Another prize."), "", "Another prize."),
        ),
        id="1",
        meta={"dataset": "nq_train_psgs_w100"},
    )


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).filter(str.strip)
meta = st.fixed_dictionaries({"score": st.floats(allow_nan=False, allow_infinity=False)})
passages = st.builds(make_passage, texts, texts, meta)
examples = st.builds(
    TrainingExample,
    question=texts,
    positives=st.lists(passages, min_size=1, max_size=2).map(tuple),
    hard_negatives=st.lists(passages, max_size=2).map(tuple),
    negatives=st.lists(passages, max_size=2).map(tuple),
    answers=st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
    id=texts,
    meta=st.dictionaries(st.sampled_from(["dataset", "provenance"]), texts),
)


@given(st.lists(examples, max_size=4), st.sampled_from(["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz"]))
def test_what_is_written_is_read_again(tmp_path_factory, listed, name):
    path = tmp_path_factory.getbasetemp() / name
    assert write_training(path, listed) == len(listed)
    assert list(read_training(path)) == listed
    first = path.read_bytes()
    write_training(path, listed)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": " "}, '"question"'),
        ({"question": 7}, '"question"'),
        ({"positive_ctxs": []}, "must have a positive passage"),
        ({"positive_ctxs": "text"}, "must be a list"),
        ({"positive_ctxs": [{"title": "x"}]}, '"text"'),
        ({"hard_negative_ctxs": [{"text": " "}]}, "hard_negative_ctxs"),
        ({"hard_negative_ctxs": [{"text": "x", "title": 7}]}, "title must be a string"),
        ({"answers": ["a", True]}, "list of strings"),
    ],
)
def test_records_that_are_no_examples(tmp_path, change, words):
    bad = {**ORIGINAL, **change}
    lines = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, [ORIGINAL, bad, ORIGINAL])) + "\nnot json\n")
    with pytest.raises(DataError, match=f"line 2: .*{words}"):
        list(read_training(lines))
    told: list[Any] = []
    assert len(list(read_training(lines, told.append))) == 2
    assert [error.line for error in told] == [2, 4]
    listed = written(tmp_path / "a.json", [ORIGINAL, bad, ORIGINAL])
    with pytest.raises(DataError, match=f"record 2: .*{words}"):
        list(read_training(listed))
    told.clear()
    assert [example.id for example in read_training(listed, told.append)] == ["1", "3"]
    assert len(told) == 1


@pytest.mark.parametrize("text", ["[1, 2", '[{"a": }]', "[1] 2", "[1 2]", "{", "nothing", '["\\ud800"]'])
def test_what_is_not_json(tmp_path, text):
    with pytest.raises(DataError, match=r"a\.json"):
        list(read_training(written(tmp_path / "a.json", text)))


def test_empty_files_and_missing_ones(tmp_path):
    assert list(read_training(written(tmp_path / "a.json", ""))) == []
    assert list(read_training(written(tmp_path / "b.json", " [ ] "))) == []
    assert next(read_training(written(tmp_path / "c.json", "\ufeff" + json.dumps([ORIGINAL])))).id == "1"
    with pytest.raises(DataError, match="cannot be read"):
        list(read_training(tmp_path / "nowhere.json"))
    with pytest.raises(DataError, match="cannot be written"):
        write_training(tmp_path / "nowhere" / "a.json", [])


def test_a_long_list_is_read_piece_by_piece(tmp_path):
    path = tmp_path / "long.json"
    record = json.dumps({**ORIGINAL, "padding": "x" * 20_000}, indent=1)
    path.write_text("[" + ",".join([record] * 1000) + "]")
    tracemalloc.start()
    assert sum(1 for _ in read_training(path)) == 1000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < path.stat().st_size / 10


def test_a_failure_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    (good,) = read_training(written(path, [ORIGINAL]))
    before = path.read_bytes()

    def broken():
        yield good
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_training(path, broken())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


CSV = 'query_text,gold_passage,hard_negative,title\nwho?,"He, ""himself""",nobody,T\nwhen?,then,,\n'


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_columns(tmp_path, name):
    rows = list(csv.reader(io.StringIO(CSV)))
    text = io.StringIO()
    csv.writer(text, delimiter="\t" if "tsv" in name else ",").writerows(rows)
    first, second = read_columns(written(tmp_path / name, text.getvalue()))
    assert (first.question, first.positives[0].title, first.positives[0].text) == ("who?", "T", 'He, "himself"')
    assert [passage.text for passage in first.hard_negatives] == ["nobody"]
    assert (second.question, second.hard_negatives, second.id) == ("when?", (), "3")


def test_columns_as_sentence_transformers_names_them(tmp_path):
    text = "anchor,positive,negative_1,negative_2,score\nq,p,n,m,1\n"
    (example,) = read_columns(written(tmp_path / "a.csv", text))
    assert [passage.text for passage in example.hard_negatives] == ["n", "m"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "line 1: the column of the question must be one of query_text, .*: got a, b"),
        ("question,b\n1,2\n", "the column of the positive"),
        ("question,positive\n1,2,3\n", "line 2: must have 2 columns: got 3"),
        ("question,positive\n\n ,2\n", "line 3: the question is empty"),
        ("question,positive\n1,\n", "the positive passage is empty"),
        ('question,positive\n1,"2\n', "quote"),
    ],
)
def test_columns_that_cannot_be(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        list(read_columns(written(tmp_path / "a.csv", text)))


POSITIVE, NEGATIVES = "It is red.", ("No.", "Not this.")
WITH_IDS = (
    [{"docid": "p", "title": "T", "text": POSITIVE}],
    [{"docid": str(number), "text": text} for number, text in enumerate(NEGATIVES)],
)
FORMS: dict[str, dict[str, Any]] = {
    "bge": {"query": "What?", "pos": [POSITIVE], "neg": list(NEGATIVES), "pos_scores": [0.9], "prompt": "x"},
    "tevatron": {"query_id": "7", "query": "What?", "positive_passages": WITH_IDS[0], "negative_passages": WITH_IDS[1]},
    "triplet": {"anchor": "What?", "positive": POSITIVE, "negative_1": NEGATIVES[0], "negative_2": NEGATIVES[1]},
    "lists": {"Question": "What?", "Positive": POSITIVE, "Negatives": list(NEGATIVES)},
    "label": {"sentence1": "What?", "sentence2": POSITIVE, "label": 1, "negatives": list(NEGATIVES)},
}


@pytest.mark.parametrize("name", ["lines.json", "list.json", "a.jsonl", "a.ndjson", "a.parquet", "a.csv", "a.tsv.gz"])
@pytest.mark.parametrize("form", FORMS)
def test_training_data_of_other_libraries(tmp_path, form, name):
    record, path, notes = FORMS[form], tmp_path / name, list[str]()
    if ".csv" in name or ".tsv" in name:
        if form == "tevatron":
            return  # its objects are no cells
        table = io.StringIO()
        writer = csv.writer(table, delimiter="\t" if "tsv" in name else ",")
        writer.writerows([record, [json.dumps(each) if isinstance(each, list) else each for each in record.values()]])
        written(path, table.getvalue())
    elif name == "a.parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    else:
        written(path, [record] if name == "list.json" else "\n".join([json.dumps(record)] * 2))
    example, *_ = read_examples(path, on_note=notes.append)
    assert (example.question, [each.text for each in example.positives]) == ("What?", [POSITIVE])
    assert tuple(each.text for each in example.hard_negatives) == NEGATIVES
    if form == "tevatron":
        assert (example.id, example.positives[0].id, example.positives[0].title) == ("7", "p", "T")
    assert len(notes) == 1
    assert notes[0].startswith(f"{name}: questions are in ")


def test_squad_as_the_hub_has_it_is_training_data(tmp_path):
    answers = {"text": ["red"], "answer_start": [6]}
    record = {"id": "1", "title": "T_x", "context": POSITIVE, "question": "What?", "answers": answers}
    (example,) = read_examples(written(tmp_path / "a.jsonl", json.dumps(record)))
    assert example == TrainingExample("What?", (make_passage("T x", POSITIVE, {}),), answers=("red",), id="1")


LABELLED = "query,passage,{name}\na?,right,{yes}\nA?,wrong,{no}\nb?,only wrong,{no}\na?,too,{yes}\n"


@pytest.mark.parametrize("name", ["score", "label", "Relevance"])
@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "false")])
def test_a_label_decides(tmp_path, name, yes, no):
    notes: list[str] = []
    path = written(tmp_path / "a.csv", LABELLED.format(name=name, yes=yes, no=no))
    read = list(read_examples(path, on_note=notes.append))
    assert [(each.question, each.positives[0].text) for each in read] == [("a?", "right"), ("a?", "too")]
    assert [[passage.text for passage in each.hard_negatives] for each in read] == [["wrong"], ["wrong"]]
    said, left_out = notes
    assert said.startswith("a.csv: questions are in 'query'; passages in 'passage': positives where ")
    assert said.split("; columns ")[0].endswith(f"{name.lower()!r} is 1, hard negatives where 0")
    assert left_out == "a.csv: 1 question without a positive left out"


@pytest.mark.parametrize("label", ["0.73", "2", "-1", "", "entailment", "nan"])
def test_a_label_that_is_not_clear(tmp_path, label):
    path = written(tmp_path / "a.csv", f"sentence1,sentence2,label\nq?,p,1\nq?,r,{label}\n")
    with pytest.raises(DataError, match="line 3: 'label' must say whether the passage is a positive, 1 or 0: got"):
        list(read_examples(path))


def test_labels_in_a_data_frame():
    import pandas as pd

    frame = pd.DataFrame({"query": ["a?", "a?"], "passage": ["right", "wrong"], "label": [1, 0]})
    (example,) = examples_from_frame(frame)
    assert [passage.text for passage in example.hard_negatives] == ["wrong"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"query": "q?", "pos": [1, 2]}, "a passage must be a text, or an object with text: got 1"),
        ({"query": "q?", "positive_passages": [{"docid": "1"}]}, '"text"'),
        ({"anchor": " ", "positive": "p"}, "the question is empty"),
        ({"anchor": "q?", "positive": None}, "the positive passage is empty"),
        ({"text": "q?", "positive": "p"}, "the column of the question must be one of"),
        ({"question": "q?", "context": "c", "answers": {"text": [], "answer_start": []}}, "has no answer"),
        ({"query": "q?", "positive": "p", "answer": True}, "expected a string or a number: got True"),
    ],
)
def test_fields_that_are_no_example(tmp_path, record, words):
    with pytest.raises(DataError, match=f"line 1: .*{words}"):
        list(read_examples(written(tmp_path / "a.jsonl", json.dumps(record))))


def test_bad_rows_are_told_and_passed_over(tmp_path):
    path = written(tmp_path / "a.csv", "question,positive\n,x\nq,p\n1,2,3\n")
    told: list[Any] = []
    assert [example.question for example in read_columns(path, told.append)] == ["q"]
    assert [error.line for error in told] == [2, 4]
    assert list(read_columns(written(tmp_path / "b.csv", ""))) == []


def test_columns_are_written_and_data_frames_read(tmp_path):
    import pandas as pd

    listed = list(read_training(written(tmp_path / "a.json", [ORIGINAL])))
    for name in ("a.csv", "a.tsv", "a.csv.gz"):
        assert write_columns(tmp_path / name, listed, negatives=3) == 1
        (again,) = read_columns(tmp_path / name)
        assert again.positives[0].text == "Nobel Prize The first went to Röntgen."
        assert [passage.text for passage in again.hard_negatives] == ["A prize.", "Another prize."]
    frame = pd.read_csv(tmp_path / "a.csv")
    assert examples_from_frame(frame)[0].positives == again.positives
    with pytest.raises(InputError, match="the column of the question"):
        examples_from_frame(frame.rename(columns={"query_text": "x"}))
    with pytest.raises(InputError, match="data frame"):
        examples_from_frame([1])


def test_results_as_the_reader_takes_them(tmp_path):
    passage = Passage("7", "T", "Text.", {})
    results = [
        RetrievalResult(
            "q", ("a",), (RetrievedPassage(passage, 0.1 + 0.2, True), RetrievedPassage(passage, -3.0, False))
        ),
        RetrievalResult("none", (), ()),
        RetrievalResult("unknown", ("b",), (RetrievedPassage(passage, 1e-30),)),
    ]
    for name in ("a.json", "a.json.gz"):
        assert write_results(tmp_path / name, results) == 3
        assert list(read_results(tmp_path / name)) == results
    told = json.loads((tmp_path / "a.json").read_text())
    assert told[0]["ctxs"][0] == {
        "id": "7",
        "title": "T",
        "text": "Text.",
        "score": "0.30000000000000004",
        "has_answer": True,
    }
    bad = written(tmp_path / "bad.json", [{"question": "q", "ctxs": [{"id": "1", "text": "x", "score": "much"}]}])
    with pytest.raises(DataError, match="record 1"):
        list(read_results(bad))
    bad = written(tmp_path / "bad.json", [{"question": "q", "answers": True, "ctxs": []}])
    with pytest.raises(DataError, match=r"record 1: answers must be a list of strings: expected .* got True"):
        list(read_results(bad))


def test_results_are_written_one_by_one(tmp_path):
    passage = Passage("7", "T", "Text.", {})
    results = [RetrievalResult("q", ("a",), (RetrievedPassage(passage, 0.5, True),)), RetrievalResult("é", (), ())]
    for listed in (results, results[:1], []):
        write_results(tmp_path / "whole.json", listed)
        with results_writer(tmp_path / "one.json") as write:
            for each in listed:
                write(each)
        assert (tmp_path / "one.json").read_bytes() == (tmp_path / "whole.json").read_bytes()
        assert list(read_results(tmp_path / "one.json")) == listed
    before = (tmp_path / "one.json").read_bytes()
    with pytest.raises(AttributeError), results_writer(tmp_path / "one.json") as write:
        write(None)  # type: ignore[arg-type]
    assert (tmp_path / "one.json").read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.json", "whole.json"]


def test_an_open_quote_or_bad_bytes_cost_one_row_and_no_other(tmp_path):
    path = tmp_path / "pairs.csv"
    rows = [
        b"question,positive",
        b"a,1",
        b'"open,2',
        b"b,3",
        b"caf\xe9,4",
        b'c,"of two',
        b'lines"',
        b'd,"again',
        b"e,6",
    ]
    path.write_bytes(b"\n".join(rows))
    told: list[Any] = []
    found = [(each.question, each.positives[0].text) for each in read_columns(path, told.append)]
    assert found == [("a", "1"), ("b", "3"), ("c", "of two\nlines"), ("e", "6")]
    assert sorted(error.line for error in told) == [3, 5, 8]
    with pytest.raises(DataError, match="line 3"):
        list(read_columns(path))


def test_a_row_with_bad_bytes_in_a_quoted_field_is_no_row(tmp_path):
    path, told = tmp_path / "pairs.tsv", list[Any]()
    path.write_bytes(b'question\tpositive\na\t"line one\ncaf\xe9\nline three"\nb\t2\n')
    assert [each.question for each in read_columns(path, told.append)] == ["b"]
    assert [error.line for error in told] == [3]
    with pytest.raises(DataError, match="line 3: is not UTF-8"):
        list(read_columns(path))


def test_a_replacement_character_is_a_character(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("question\tpositive\na\twhat \ufffd stands for\n", encoding="utf-8")
    assert [each.positives[0].text for each in read_columns(path)] == ["what \ufffd stands for"]


def test_text_behind_a_closing_quote_with_a_carriage_return(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_bytes(b'question,positive\na,"Foo" is\rhere\n')
    assert [each.positives[0].text for each in read_columns(path)] == ["Foo is here"]
    path.write_text('question,positive\na,"Foo" is ' + "x" * 200_000 + "\nb,2\n")
    told: list[Any] = []
    assert [each.question for each in read_columns(path, told.append)] == ["b"]
    assert ["is not a valid row" in str(error) for error in told] == [True]
