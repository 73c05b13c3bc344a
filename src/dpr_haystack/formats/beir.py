# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/SPLIT.tsv``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dpr_haystack.core.passages import Passage
from dpr_haystack.errors import DataError
from dpr_haystack.formats.jsonl import read_jsonl
from dpr_haystack.formats.open_text import OnBad, stem_of
from dpr_haystack.formats.qrels import judged_questions, read_qrels, write_qrels
from dpr_haystack.formats.question import Question
from dpr_haystack.formats.records import Record, parse_rows, read_records
from dpr_haystack.formats.writing import write_json_lines

QRELS = "qrels"
"""The folder of the relevance judgements."""


def is_beir(folder: str | Path) -> bool:
    """Whether a folder is in BEIR format.

    :param folder: The folder.
    """
    return bool(_file(folder, "corpus.jsonl") and _file(folder, "queries.jsonl"))


def beir_corpus(folder: str | Path) -> Path | None:
    """The corpus of a folder in BEIR format; None if it is not in that format. Questions or qrels may be missing.

    :param folder: The folder.
    """
    corpus = _file(folder, "corpus.jsonl")
    has_more = _file(folder, "queries.jsonl") or (Path(folder) / QRELS).is_dir()
    return corpus if has_more else None


def read_beir_corpus(folder: str | Path, on_bad: OnBad | None = None) -> Iterator[Passage]:
    """Read the passages of a BEIR folder one by one.

    :param folder: The folder.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :raises DataError: If the corpus is missing, or a line is not a passage.
    """
    yield from read_jsonl(_required_file(folder, "corpus.jsonl"), on_bad)


def read_beir_questions(folder: str | Path, split: str = "test", on_bad: OnBad | None = None) -> Iterator[Question]:
    """Read the questions of a split with their relevant passages and grades, in the order of ``queries.jsonl``.

    :param folder: The folder.
    :param split: The split of the qrels: ``"train"``, ``"dev"`` or ``"test"``.
    :param on_bad: Called with the error of each bad line, which is skipped; None to raise the first.
    :raises DataError: If a file is missing or a line is bad.
    """
    path = _required_file(folder, "queries.jsonl")
    qrels = read_qrels(_qrels_file(folder, split), on_bad)

    def read(record: Record) -> Question:
        value = record.value
        id_ = value.get("_id", value.get("id")) if isinstance(value, dict) else None
        if not isinstance(id_, str | int) or not isinstance(value.get("text"), str):
            raise DataError(path, f'{record.where}expected an object with "_id" and "text"', record.line)
        if not value["text"].strip():
            raise DataError(path, f"{record.where}the question is empty", record.line)
        return Question(value["text"], (), (), str(id_))

    yield from judged_questions(parse_rows(read_records(path, on_bad), read, on_bad), qrels)


def write_beir(
    folder: str | Path, passages: Iterable[Passage], questions: Iterable[Question], split: str = "test"
) -> None:
    """Write a BEIR folder; gold passages without grades become qrels of grade 1.

    :param folder: The folder; created if missing.
    :param passages: The corpus.
    :param questions: The questions, each with a unique id.
    :param split: The split of the qrels.
    :raises DataError: If a file cannot be written, or a question has no id.
    """
    root = Path(folder)
    (root / QRELS).mkdir(parents=True, exist_ok=True)
    write_json_lines(
        root / "corpus.jsonl",
        (
            {"_id": passage.id, "title": passage.title, "text": passage.text, "metadata": passage.meta}
            for passage in passages
        ),
    )
    grades: dict[str, Mapping[str, float]] = {}

    def objects() -> Iterator[dict[str, str]]:
        for question in questions:
            if not question.id:
                raise DataError(root, f"the question {question.question!r} has no id, which BEIR requires")
            grades[question.id] = question.grades or dict.fromkeys(question.passage_ids, 1)
            yield {"_id": question.id, "text": question.question}

    write_json_lines(root / "queries.jsonl", objects())
    write_qrels(root / QRELS / f"{split}.tsv", grades, beir=True)


def _file(folder: str | Path, name: str) -> Path | None:
    paths = (Path(folder) / name, Path(folder) / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def _qrels_file(folder: str | Path, split: str) -> Path:
    path = _file(folder, f"qrels/{split}.tsv")
    if path is None:
        found = sorted(stem_of(file) for file in Path(folder).glob("qrels/*.tsv*"))
        hint = f"its splits are {', '.join(found)}" if found else "a BEIR folder has its qrels in qrels/SPLIT.tsv"
        raise DataError(Path(folder) / "qrels" / f"{split}.tsv", f"is missing; {hint}")
    return path


def _required_file(folder: str | Path, name: str) -> Path:
    path = _file(folder, name)
    if path is None:
        raise DataError(Path(folder) / name, "is missing; a BEIR folder has corpus.jsonl, queries.jsonl and qrels/")
    return path
