# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Records of other tools that are not plain passages: LangChain, LlamaIndex, HotpotQA, flattened SQuAD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What LlamaIndex writes about a node besides its id, text and metadata.
_OF_NODES = frozenset(
    [
        "class_name",
        "excluded_embed_metadata_keys",
        "excluded_llm_metadata_keys",
        "metadata_separator",
        "metadata_seperator",
        "metadata_template",
        "mimetype",
        "relationships",
        "text_resource",
        "text_template",
    ]
)
_OF_QUESTIONS = frozenset(
    ["id", "_id", "question", "answer", "answers", "is_impossible", "supporting_facts", "type", "level"]
)


def plain_records(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The plain passages that a record contains; most records are one passage themselves.

    :param value: A record.
    """
    if "lc" in value and isinstance(value.get("kwargs"), dict):  # LangChain's dumps()
        return [value["kwargs"]]
    if "id_" in value:
        return [_node(value)]
    if isinstance(value.get("question"), str) and "context" in value and value.get("text") is None:
        return _contexts(value)
    return [value]


def _node(value: Mapping[str, Any]) -> dict[str, Any]:
    resource = value.get("text_resource")
    text = resource.get("text") if isinstance(resource, dict) else None
    plain = {key: entry for key, entry in value.items() if key not in _OF_NODES}
    return plain if text is None else {"text": text, **plain}


def _contexts(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The passages of a question, without its id: its context in SQuAD, its paragraphs in HotpotQA."""
    context = value["context"]
    if isinstance(context, dict) and {"title", "sentences"} <= context.keys():
        context = list(zip(context["title"], context["sentences"], strict=False))
    if isinstance(context, list):
        return [{"title": part[0], "text": part[1]} for part in context if _is_paragraph(part)]
    return [{key: entry for key, entry in value.items() if key not in _OF_QUESTIONS}]


def _is_paragraph(part: Any) -> bool:
    return isinstance(part, Sequence) and not isinstance(part, str) and len(part) == 2  # title and sentences


def joined(text: Any) -> Any:
    """The text of a list of sentences or paragraphs; anything else as it is.

    :param text: The text of a record.
    """
    if not isinstance(text, list) or not all(isinstance(part, str) for part in text):
        return text
    whole = ""
    for part in text:
        needs_space = whole and not whole[-1].isspace() and part and not part[0].isspace()
        whole += f" {part}" if needs_space else part
    return whole.strip()
