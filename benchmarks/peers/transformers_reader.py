# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""transformers-haystack's part of benchmarks/reader.py, run in an environment of its own.

python benchmarks/peers/transformers_reader.py MODEL JOBS.json OPTIONS THREADS: a line of JSON when the model is
loaded, and one with seconds and the best answers for every line of input.
"""

import json
import sys
import time
from pathlib import Path

import torch
from haystack import Document
from haystack.utils import ComponentDevice
from haystack_integrations.components.readers.transformers import TransformersExtractiveReader


def main(model: str, jobs_file: Path, options: dict, threads: int) -> None:
    """Load the reader, then answer requests on standard input."""
    torch.set_num_threads(threads)
    jobs = json.loads(jobs_file.read_text(encoding="utf-8"))
    documents = [[Document(id=str(i), content=text) for i, text in enumerate(job["passages"])] for job in jobs]
    reader = TransformersExtractiveReader(model, device=ComponentDevice.from_str("cpu"), **options)
    reader.run(jobs[0]["question"], documents[0])
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        found = [reader.run(job["question"], own)["answers"] for job, own in zip(jobs, documents, strict=True)]
        seconds = time.perf_counter() - started
        best = [next(answer for answer in answers if answer.data is not None) for answers in found]
        places = [[a.document.id, a.document_offset.start, a.document_offset.end] for a in best]
        print(json.dumps({"seconds": seconds, "answers": places}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
