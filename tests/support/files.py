# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Small files of the kinds that are indexed, each with one thing to find."""

from __future__ import annotations

import gzip
import json
from pathlib import Path


def pdf(*pages: str) -> bytes:
    """A PDF with one line of text a page, written by hand."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def html(title: str, *paragraphs: str) -> str:
    """A page with an article in it."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>{title}</h1>{text}</article></body></html>"
    )


BEES = (
    (
        "The honey bee tells its sisters where to find flowers by a dance on the comb. The angle of the dance to the "
        "vertical is the angle of the flight to the sun, and its length says how far they have to fly."
    ),
    "Karl von Frisch worked this out over twenty years of watching marked bees, and got the Nobel Prize for it.",
)
GLACIERS = "Glaciers of the Alps have lost half of their ice since the year 1900."
VOLCANO = "The volcano Tambora erupted in 1815 and was heard two thousand kilometres away."
TEA = "Green tea is heated soon after picking, so that its leaves do not oxidize."


def write_four(folder: Path) -> dict[str, Path]:
    """One file of each kind that holds running text, by the title that it should get."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "tea leaves": folder / "tea-leaves.txt",
        "Tambora": folder / "volcanoes.md",
        "The dance of the bees": folder / "bees.html",
        "ice report": folder / "ice_report.pdf",
    }
    files["tea leaves"].write_text(TEA + "\n", encoding="utf-8")
    files["Tambora"].write_text(f"# Tambora\n\n{VOLCANO}\n", encoding="utf-8")
    files["The dance of the bees"].write_text(html("The dance of the bees", *BEES), encoding="utf-8")
    files["ice report"].write_bytes(pdf("Annual summary of the survey.", GLACIERS))
    return files


#: What to ask, and a word that only the right passage has.
ASKED_OF_FOUR = {
    "When did Tambora erupt?": "1815",
    "How much ice have the glaciers of the Alps lost?": "half",
    "How is green tea made?": "oxidize",
    "What does the dance of the honey bee mean?": "vertical",
}


def squad(*paragraphs: tuple[str, str, str, str]) -> dict[str, object]:
    """SQuAD with a paragraph, a question and an answer for each title."""
    return {
        "version": "1.1",
        "data": [
            {
                "title": title,
                "paragraphs": [
                    {
                        "context": context,
                        "qas": [
                            {
                                "id": f"q{number}",
                                "question": question,
                                "answers": [{"text": answer, "answer_start": context.index(answer)}],
                            }
                        ],
                    }
                ],
            }
            for number, (title, context, question, answer) in enumerate(paragraphs)
        ],
    }


def write_records(folder: Path) -> dict[str, Path]:
    """One file of each kind that says itself what a passage is, by the title of its passage."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "Rosetta": folder / "passages.jsonl",
        "Lagoon": folder / "psgs.tsv",
        "Harp": folder / "squad.json",
    }
    record = {"id": "r-1", "title": "Rosetta", "text": "The probe Rosetta orbited a comet.", "meta": {"mission": "ESA"}}
    files["Rosetta"].write_text(json.dumps(record) + "\n", encoding="utf-8")
    files["Lagoon"].write_text("id\ttext\ttitle\nt-7\tVenice lies in a lagoon.\tLagoon\n", encoding="utf-8")
    paragraphs = squad(("Harp", "A concert harp has 47 strings.", "How many strings has a harp?", "47"))
    files["Harp"].write_text(json.dumps(paragraphs), encoding="utf-8")
    return files


def gzipped(path: Path) -> Path:
    """A file replaced by its compressed form."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed
