# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Everything that the README and the examples show is run, in the order in which it stands there."""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}


def run(command, folder):
    done = subprocess.run(
        command, check=False, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def squad(articles):
    """A small file of SQuAD's format."""
    paragraphs = [
        {
            "context": text,
            "qas": [{"id": f"{title}", "question": question, "answers": [{"text": answer, "answer_start": 0}]}],
        }
        for title, text, question, answer in articles
    ]
    return {"version": "1.1", "data": [{"title": "Things", "paragraphs": paragraphs}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, readers):
    """Where whoever reads the README stands, with the SQuAD files and the reader that it speaks of."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "my-reader").symlink_to(readers[1])
    for name, articles in {
        "train-v1.1.json.gz": [("a", "The Danube flows through Ulm.", "What flows through Ulm?", "The Danube")],
        "dev-v1.1.json.gz": [("b", "The Rhine flows through Basel.", "What flows through Basel?", "The Rhine")],
    }.items():
        (folder / name).write_bytes(gzip.compress(json.dumps(squad(articles)).encode()))
    return folder


@pytest.fixture(scope="module")
def outputs(folder):
    """The output of every dpr-haystack command of the README, run one after the other."""
    lines = [line for language, text in BLOCKS if language == "bash" for line in text.splitlines()]
    commands = [line for line in lines if line.startswith("dpr-haystack ") and "--elasticsearch" not in line]
    assert len(commands) >= 6
    return {command: run(command, folder) for command in commands}


def test_every_shell_command_is_one_that_is_run_here_or_by_ci():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for language, text in BLOCKS:
        if language != "bash":
            continue
        for line in text.splitlines():
            if line == "make elasticsearch":
                continue  # what it starts is what tests/integration starts, and where those of its section are run
            if line.startswith("make "):
                assert line in ci.splitlines()
            elif line.startswith("pip install "):
                match = re.fullmatch(r'pip install -c constraints\.txt "\.\[(\w+)\]"', line)
                assert match is not None
                assert match.group(1) in extras
            else:
                assert line.startswith(("dpr-haystack ", "curl ")) or line == "cd demo"


def test_commands_run_and_the_tables_are_what_they_print(outputs, folder):
    shown = [text for language, text in BLOCKS if language == "text" and "gold passage" in text]
    place = "dpr-haystack evaluate --store my-store --questions demo/questions.jsonl"
    commands = [command for command in outputs if command.startswith(place) and "--reader" not in command]
    assert commands[0] == place
    for text, command in zip(shown, commands, strict=True):
        assert_same_table(text, outputs[command])
    for name in ("ranks.jsonl", "run.trec", "found.json"):
        assert (folder / "demo" / name).stat().st_size > 0
    assert (folder / "demo" / "accuracy.png").read_bytes().startswith(b"\x89PNG")


def assert_same_table(shown, printed):
    number = re.compile(r"[+-]?\d+\.\d+")
    plain = [number.sub("#", text.replace("p<", "p=")).split() for text in (shown, printed)]
    assert plain[0] == plain[1]
    # Processors without bfloat16 compute in float32, which may swap passages of nearly equal scores.
    for expected, got in zip(number.findall(shown), number.findall(printed), strict=True):
        assert float(got) == pytest.approx(float(expected), abs=5.0)


def test_what_a_fitted_weight_brings_is_what_is_printed(outputs):
    (shown,) = [text for language, text in BLOCKS if language == "text" and "cross-validated" in text]
    printed = outputs["dpr-haystack fit-hybrid --store my-store --questions demo/questions.jsonl"]
    printed = printed[printed.index(f"{'mrr':>32}    top-1") : printed.index("  hybrid:\n")]
    number = re.compile(r"[+-]?\d+\.\d+")
    assert number.sub("#", shown).split() == number.sub("#", printed).split()
    for expected, got in zip(number.findall(shown), number.findall(printed), strict=True):
        is_percent = expected[-2] == "."
        assert float(got) == pytest.approx(float(expected), abs=5.0 if is_percent else 0.05)


def test_python_blocks_print_what_stands_below_them(folder, outputs):
    here = folder
    followers = [*BLOCKS[1:], ("", "")]
    programs = 0
    for (language, text), (next_language, shown) in zip(BLOCKS, followers, strict=True):
        if language == "bash" and text == "cd demo\n":
            here = folder / "demo"
        if language != "python" or "lasticsearch" in text:
            continue
        programs += 1
        script = folder / f"block_{programs}.py"
        script.write_text(text, encoding="utf-8")
        assert run(f"{sys.executable} {script}", here) == (shown if next_language == "text" else "")
    assert programs >= 4
    assert here != folder


def test_first_screen_is_the_example():
    example = (ROOT / "examples" / "hybrid_search.py").read_text(encoding="utf-8")
    (first, *_) = [text for language, text in BLOCKS if language == "python"]
    assert example.endswith(first)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_examples_print_what_they_say(name, tmp_path):
    printed = run(f"{sys.executable} {ROOT / 'examples' / name}", tmp_path)
    docstring = (ROOT / "examples" / name).read_text(encoding="utf-8").split('"""')[1]
    promised = docstring.split("Prints:")[1]
    if name == "hybrid_search.py":
        (_, _, promised) = README.partition("```text\n")
        promised = promised.partition("```")[0]
    expected = [line.strip() for line in promised.splitlines() if line.strip()]
    assert [line.strip() for line in printed.splitlines()] == expected


@pytest.mark.integration
def test_curl_line_gets_an_answer(folder, outputs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**ENVIRONMENT, "HAYHOOKS_PORT": str(port), "HAYHOOKS_HOST": "127.0.0.1"}
    (curl,) = [line for language, text in BLOCKS if language == "bash" for line in text.splitlines() if "curl" in line]
    with (folder / "hayhooks.log").open("w") as log:
        server = subprocess.Popen(
            [str(BIN / "hayhooks"), "run"], cwd=folder / "demo", env=environment, stdout=log, stderr=log
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/status", server)
        answer = json.loads(
            run(curl.replace("localhost:1416", f"127.0.0.1:{port}").replace("curl ", "curl -s "), folder)
        )
        assert "Dune" in json.dumps(answer["result"]["joiner"]["documents"][0])
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url, server, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, "hayhooks ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(url)
