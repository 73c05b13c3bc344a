# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The sample corpus of ``quickstart``: its layout, and that its questions have answers and are of two kinds."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

DATA = Path(str(files("dpr_haystack"))) / "data"
MAX_OVERLAP = 0.25
SMALL_WORDS = """
a about all an and any are as at be been but by can come could did do does for from had has have he her his
how i if in into is it its many most much no not of on or out she so some than that the their them then there
they this to was were what when where which who whom whose why will with without would you your
"""
STOP_WORDS = set(SMALL_WORDS.split())
REQUIRED = {
    "Where was Albert Einstein born?": "Ulm",
    "Who is the bad guy in The Lord of the Rings?": "Sauron",
    "Who wrote Dune?": "Frank Herbert",
    "Who is the protagonist of Dune?": "Paul Atreides",
    "What is dense passage retrieval?": "two BERT encoders",
}


def read_passages() -> list[tuple[str, str]]:
    passages = []
    for path in sorted((DATA / "corpus").glob("*.md")):
        heading, *sections = path.read_text(encoding="utf-8").split("\n## ")
        assert re.fullmatch(r"# [^\n]+\n", heading), f"{path.name} does not start with one heading"
        for section in sections:
            title, blank, paragraph, *rest = section.rstrip("\n").split("\n")
            assert not blank, f"{path.name}: {title!r} needs an empty line below it"
            assert rest == [], f"{path.name}: {title!r} has more than one paragraph"
            passages.append((title, paragraph))
    return passages


PASSAGES = read_passages()
TEXT_OF = dict(PASSAGES)
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()]


def holds(text: str, answer: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE) is not None


def stems(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", text.lower())
    return {word[:5] for word in words if word not in STOP_WORDS and len(word) > 1}


def overlap(question: str, title: str) -> float:
    """Which part of a question's content words stands in its passage as well."""
    asked = stems(question)
    return len(asked & stems(f"{title} {TEXT_OF[title]}")) / len(asked)


def test_there_are_enough_passages_for_retrieval_to_be_a_task():
    assert len(PASSAGES) >= 150


def test_no_title_and_no_paragraph_is_repeated():
    assert [title for title, n in Counter(title for title, _ in PASSAGES).items() if n > 1] == []
    assert [text for text, n in Counter(" ".join(text.lower().split()) for _, text in PASSAGES).items() if n > 1] == []


@pytest.mark.parametrize(("title", "text"), PASSAGES, ids=[title for title, _ in PASSAGES])
def test_a_passage_is_one_plain_paragraph_of_a_passages_length(title, text):
    assert 35 <= len(text.split()) <= 100
    assert title == title.strip()
    assert text == text.strip()
    assert text[-1] in ".?!"
    assert re.search(r"\*\*|__|`|https?:|\]\(|^[-#>]|  |\t", text) is None


def test_there_are_forty_different_questions():
    assert len(QUESTIONS) == 40
    assert len({entry["question"] for entry in QUESTIONS}) == 40


@pytest.mark.parametrize("entry", QUESTIONS, ids=[entry["question"] for entry in QUESTIONS])
def test_a_question_is_answered_by_its_passage_and_by_few_others(entry):
    assert set(entry) == {"question", "answers", "title"}
    assert entry["question"].endswith("?")
    assert entry["answers"]
    for answer in entry["answers"]:
        assert holds(TEXT_OF[entry["title"]], answer)
        others = [title for title, text in PASSAGES if title != entry["title"] and holds(text, answer)]
        assert len(others) <= 3, f"{answer!r} stands in {others} too"


@pytest.mark.parametrize(("question", "answer"), REQUIRED.items())
def test_the_questions_of_the_documentation_are_there(question, answer):
    assert [answer in entry["answers"] for entry in QUESTIONS if entry["question"] == question] == [True]


def test_half_of_the_questions_are_paraphrases_and_half_share_words_with_their_passage():
    shares = [overlap(entry["question"], entry["title"]) for entry in QUESTIONS]
    assert sum(share <= MAX_OVERLAP for share in shares) >= 18
    assert sum(share >= 0.5 for share in shares) >= 18
