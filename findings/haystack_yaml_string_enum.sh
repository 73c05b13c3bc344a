#!/usr/bin/env bash
# haystack-ai 3.4.0 with PyYAML 6.0.3: a member of a StrEnum among the parameters of a component.
#
# Expected by many: it is a string (isinstance, ==, json.dumps and f-strings all say so), so Pipeline.dumps() writes it
# like one.
# Seen: to_dict() and json.dumps() accept the pipeline, and Pipeline.dumps() raises a TypeError. PyYAML represents
# objects by their exact type, and Haystack's marshaller adds no representer for subclasses of str. The same holds for
# any subclass of str or int.
# So: put the member's value, not the member, into to_dict().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q "haystack-ai==3.4.0" "PyYAML==6.0.3"
export HAYSTACK_TELEMETRY_ENABLED=False
"$folder/venv/bin/python" - <<'PYTHON'
import json
from enum import StrEnum
from importlib.metadata import version

from haystack import Pipeline, component, default_to_dict


class Metric(StrEnum):
    COSINE = "cosine"


@component
class Compare:
    def __init__(self, metric: str) -> None:
        self.metric = metric

    def to_dict(self) -> dict:
        return default_to_dict(self, metric=self.metric)

    @component.output_types(text=str)
    def run(self, text: str) -> dict:
        return {"text": text}


def dumped(metric: str) -> str:
    pipeline = Pipeline()
    pipeline.add_component("compare", Compare(metric))
    json.dumps(pipeline.to_dict())  # accepts both
    try:
        pipeline.dumps()
    except TypeError as error:
        return f"TypeError: {str(error).splitlines()[0]}"
    return "written"


print("haystack-ai", version("haystack-ai"), "PyYAML", version("PyYAML"))
member, value = dumped(Metric.COSINE), dumped(Metric.COSINE.value)
print("expected by many: both written")
print(f"seen: value {value}; member {member}")
assert (value, member[:9]) == ("written", "TypeError"), "this has changed"
PYTHON
