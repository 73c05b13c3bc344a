# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Pipelines behind Hayhooks with what its YAML pipelines lack: optional inputs, 422 for invalid ones, MCP and chat.

A folder of pipelines has a folder for each wrapper: ``pipelines/search/pipeline_wrapper.py`` and
``pipelines/ask/pipeline_wrapper.py``.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from fastapi import HTTPException
from hayhooks import BasePipelineWrapper, get_last_user_message
from hayhooks.settings import settings
from haystack.core.errors import PipelineRuntimeError
from haystack.dataclasses import Document, ExtractedAnswer
from haystack.errors import FilterError

from dpr_haystack.core.checks import check_integer
from dpr_haystack.errors import InputError, SearchRequestRefused
from dpr_haystack.pipelines import load_pipeline

_UNPROCESSABLE = 422


class QuestionWrapper(BasePipelineWrapper):  # type: ignore[misc]
    """A pipeline that takes a question, and ``top_k`` and ``filters`` if they are given.

    :cvar pipeline_name: The pipeline: a file of that name in the served folder, or else the one in the package.
    :cvar component: The component whose output is returned.
    """

    pipeline_name: ClassVar[str]
    component: ClassVar[str]

    def setup(self) -> None:
        """Load the pipeline; models are loaded by the first question."""
        own = Path(settings.pipelines_dir) / f"{self.pipeline_name}.yml"
        self.pipeline = load_pipeline(own if own.is_file() else self.pipeline_name)

    def run_pipeline(self, query: str, top_k: int | None, filters: dict[str, Any] | None) -> dict[str, Any]:
        """Run the pipeline.

        :param query: The question.
        :param top_k: How many results; None for the pipeline's own number.
        :param filters: A Haystack filter; None for all passages.
        :returns: The output of the component.
        :raises HTTPException: 422 if an argument is invalid.
        """
        given = {"query": query, "top_k": top_k, "filters": filters or None}
        with _invalid_input_as_422():
            _check(query, top_k)
            result = self.pipeline.run({name: value for name, value in given.items() if value is not None})
        found: dict[str, Any] = result[self.component]
        return found


class SearchWrapper(QuestionWrapper):
    """Hybrid search: a question in, passages out."""

    pipeline_name = "hybrid"
    component = "hybrid"

    def run_api(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Search the indexed documents for passages that answer a question.

        :param query: The question.
        :param top_k: How many passages to return.
        :param filters: A Haystack filter on metadata, e.g. {"field": "meta.year", "operator": ">=", "value": 1900}.
        :returns: ``documents``: best first, each with id, content, meta and score.
        """
        return {"documents": [_as_json(each) for each in self.run_pipeline(query, top_k, filters)["documents"]]}


class AskWrapper(QuestionWrapper):
    """Question answering: a question in, answers out, read from passages that hybrid search finds."""

    pipeline_name = "hybrid_qa"
    component = "reader"

    def run_api(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Answer a question with a short quotation from the indexed documents.

        :param query: The question.
        :param top_k: How many answers to return.
        :param filters: A Haystack filter on metadata, e.g. {"field": "meta.year", "operator": ">=", "value": 1900}.
        :returns: ``answers``: best first, each with answer, score, its place in the passage, and the passage.
        """
        answers: Sequence[ExtractedAnswer] = self.run_pipeline(query, top_k, filters)["answers"]
        return {"answers": [_answer_as_json(each) for each in answers if each.data]}

    def run_chat_completion(self, model: str, messages: list[dict[str, Any]], body: dict[str, Any]) -> str:  # noqa: ARG002
        """Answer the last question of a chat.

        :param model: The name of the pipeline.
        :param messages: The chat so far.
        :param body: The request.
        :returns: The best answer and where it is from.
        """
        answers = self.run_api(get_last_user_message(messages) or "", top_k=1)["answers"]
        if not answers:
            return "No answer was found."
        source = answers[0]["document"]["meta"].get("title") or answers[0]["document"]["id"]
        return f"{answers[0]['answer']} ({source})"


class _InvalidArgument(InputError):
    """An argument that the caller has to change."""


def _check(query: str, top_k: int | None) -> None:
    if not query.strip():
        msg = "the question is empty"
        raise _InvalidArgument(msg)
    if top_k is not None:
        check_integer("top_k", top_k, minimum=0, error=_InvalidArgument)


@contextmanager
def _invalid_input_as_422() -> Iterator[None]:
    """Report errors of the caller as 422 with their message.

    Others stay, which makes them 500: a missing store or a tower of another model is invalid input in Python, but not
    the caller's over HTTP.
    """
    try:
        yield
    except (PipelineRuntimeError, FilterError, InputError) as error:
        cause = error.__cause__ if isinstance(error, PipelineRuntimeError) else error
        if isinstance(cause, FilterError | SearchRequestRefused | _InvalidArgument):
            raise HTTPException(_UNPROCESSABLE, str(cause)) from error
        raise


def _as_json(document: Document) -> dict[str, Any]:
    """The fields of a passage that a caller needs; dates in metadata become text."""
    meta = json.loads(json.dumps(document.meta, default=str))
    return {"id": document.id, "content": document.content, "meta": meta, "score": document.score}


def _answer_as_json(answer: ExtractedAnswer) -> dict[str, Any]:
    place = None if answer.document_offset is None else asdict(answer.document_offset)
    document = None if answer.document is None else _as_json(answer.document)
    return {"answer": answer.data, "score": answer.score, "document_offset": place, "document": document}
