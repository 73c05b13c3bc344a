# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Start and stop a real Elasticsearch of one node on the loopback interface, to test against and to try things out.

    python tools/elasticsearch/server.py start [--port 19200] [--version 9.5.2]
    python tools/elasticsearch/server.py stop [--port 19200] [--remove]
    python tools/elasticsearch/server.py means [--version 9.5.2]    whether one can be started here

Where Docker Compose works, `compose.yaml` runs the official image. Elsewhere the distribution that Elastic publishes
for REST tests comes from Maven Central, once, and gets a small plugin (`plugin/`) with what it lacks. The address is
printed on stdout, everything else on stderr. Exit codes: 0 it answers, 1 it does not, 3 there are no means to start
one.

DPR_HAYSTACK_ELASTICSEARCH_VERSION  the version, where --version does not say it
DPR_HAYSTACK_ELASTICSEARCH_HOME  where the distributions and the data of each port lie (default: the user's cache)
ELASTIC_PASSWORD                 switches security on; the user is `elastic`
ES_JAVA_OPTS                     memory of the server (default: 512 MB)
ES_JAVA_HOME, JAVA_HOME          the JDK, if it is new enough: 17 for Elasticsearch 8, 21 for Elasticsearch 9. Otherwise
                                 the first on the PATH or in the usual places that is
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

from distribution import OLDEST_JDK, home, java_for, major_of, the_distribution
from messages import give_up, say

VERSION = "8.19.20"
VERSION_VARIABLE = "DPR_HAYSTACK_ELASTICSEARCH_VERSION"
PORT = 19200
COMPOSE = Path(__file__).resolve().parents[2] / "compose.yaml"
NOBODY = 65534  # root may not run Elasticsearch
PATIENCE = 120.0


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="A real Elasticsearch on loopback; ELASTIC_PASSWORD secures it.")
    parser.add_argument("action", choices=["start", "stop", "means"])
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s")
    parser.add_argument("--version", help=f"default: ${VERSION_VARIABLE}, or {VERSION}")
    parser.add_argument("--remove", action="store_true", help="with stop: remove its data as well")
    arguments = parser.parse_args()
    told = arguments.version or os.environ.get(VERSION_VARIABLE)
    version = told or VERSION
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or major_of(version) not in OLDEST_JDK:
        parser.error(f"the version must be one of Elasticsearch 8 or 9, such as {VERSION}: got {version!r}")
    if arguments.action == "start":
        print(start(arguments.port, version, is_told=told is not None))
    elif arguments.action == "means":
        print(means(version))
    else:
        stop(arguments.port, remove=arguments.remove)
    return 0


def means(version: str) -> str:
    """What a server can be started with."""
    if compose_works():
        return "docker compose"
    jdk, java = java_for(version)
    return f"the JDK of version {java} in {jdk}"


def start(port: int, version: str, *, is_told: bool) -> str:
    """Start a server unless one answers there already; returns its address."""
    address = f"http://127.0.0.1:{port}"
    if answers(address):
        running = answer_of(address)[1].get("version", {}).get("number")
        if is_told and running != version:
            give_up(f"Elasticsearch {running}, not {version}, answers at {address} already: {stop_line(port)}", 1)
        return address
    if compose_works():
        compose(port, version, "up", "--detach", "--wait")
        say(f"Docker Compose runs it; {stop_line(port)}")
        return address
    tree = the_distribution(version)
    data = configured(tree, port, version)
    launch(tree, data, version)
    wait_for(address, data)
    say(f"Elasticsearch {version}, data and logs: {data}; {stop_line(port)}")
    return address


def stop(port: int, *, remove: bool) -> None:
    """Stop the server of a port; one that is not there is no error."""
    folders = [data for data in home().glob(f"data-{port}*") if re.fullmatch(rf"data-{port}(-[\d.]+)?", data.name)]
    for data in folders:
        end(data)
        if remove:
            shutil.rmtree(data, ignore_errors=True)
    if not folders and compose_works():
        compose(port, VERSION, "down", *(["--volumes"] if remove else []))


def end(data: Path) -> None:
    """Stop the server with this data directory."""
    pid = running(data)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 30
    while running(data) is not None and time.monotonic() < until:
        time.sleep(0.1)
    if running(data) is not None:
        os.kill(pid, signal.SIGKILL)


def stop_line(port: int) -> str:
    """How to stop it, for people to read."""
    return "stop it with: make elasticsearch-stop" + (f" ES_PORT={port}" if port != PORT else "")


def answers(address: str) -> bool:
    """Whether a server is there, takes our credentials and is ready to index."""
    status, _ = answer_of(f"{address}/_cluster/health?wait_for_status=yellow&timeout=1s")
    if status in (401, 403) and not os.environ.get("ELASTIC_PASSWORD"):
        give_up(f"a server that wants a password answers at {address} already: set ELASTIC_PASSWORD", 1)
    return status == 200


def answer_of(url: str, body: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body of an answer to our user; 0 if there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    password = os.environ.get("ELASTIC_PASSWORD")
    if password:
        token = base64.b64encode(f"elastic:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status), json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, {}
    except (OSError, ValueError):
        return 0, {}


# --- Docker -----------------------------------------------------------------------------------------------------------


def compose_works() -> bool:
    """Whether `docker compose` is there and its daemon answers."""
    if shutil.which("docker") is None:
        return False
    commands = (["docker", "compose", "version"], ["docker", "info"])
    with contextlib.suppress(subprocess.TimeoutExpired):
        return all(subprocess.run(each, capture_output=True, timeout=20).returncode == 0 for each in commands)
    return False


def compose(port: int, version: str, *command: str) -> None:
    """Run `docker compose` for the server of a port."""
    secured = "true" if os.environ.get("ELASTIC_PASSWORD") else "false"
    environment = os.environ | {"ELASTIC_PORT": str(port), "ELASTIC_SECURITY": secured, "ELASTIC_VERSION": version}
    line = ["docker", "compose", "-f", str(COMPOSE), "-p", f"dpr-haystack-{port}", *command]
    done = subprocess.run(line, env=environment, stdout=sys.stderr)
    if done.returncode != 0:
        subprocess.run([*line[:6], "logs", "--tail", "40"], env=environment, stdout=sys.stderr)
        give_up("Docker Compose could not do it, see above", 1)


# --- without Docker ---------------------------------------------------------------------------------------------------


def configured(tree: Path, port: int, version: str) -> Path:
    """The data directory of a port and version, with the configuration for it."""
    data = home() / f"data-{port}-{version}"
    config, password = data / "config", os.environ.get("ELASTIC_PASSWORD")
    shutil.rmtree(config, ignore_errors=True)
    (data / "logs").mkdir(parents=True, exist_ok=True)
    shutil.copytree(tree / "config", config)
    settings = {
        "cluster.name": f"dpr-haystack-{port}",
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": port,
        "path.data": data / "data",
        "path.logs": data / "logs",
        "node.processors": 2,
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "xpack.security.enabled": "true" if password else "false",
    }
    (config / "elasticsearch.yml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    if password:
        line = [tree / "bin" / "elasticsearch-keystore", "add", "--stdin", "--force", "bootstrap.password"]
        subprocess.run(
            line, env=environment_of(data, version), input=password, text=True, stdout=sys.stderr, check=True
        )
    return data


def environment_of(data: Path, version: str) -> dict[str, str]:
    """What the scripts of Elasticsearch go by."""
    ours = {"ES_PATH_CONF": str(data / "config"), "ES_JAVA_HOME": str(java_for(version)[0]), "HOME": str(data)}
    return {"ES_JAVA_OPTS": "-Xms512m -Xmx512m"} | {**os.environ} | ours


def launch(tree: Path, data: Path, version: str) -> None:
    """Start the server in the background."""
    line = [tree / "bin" / "elasticsearch", "--daemonize", "--pidfile", data / "pid"]
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        for path in (data, *data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with (data / "start.log").open("wb") as log:
        done = subprocess.run(line, cwd=data, env=environment_of(data, version), stdout=log, stderr=log, **as_user)  # type: ignore[call-overload]
    if done.returncode != 0:
        give_up_with_log(f"Elasticsearch ended with code {done.returncode}", data)


def wait_for(address: str, data: Path) -> None:
    """Return when the server is ready."""
    until = time.monotonic() + PATIENCE
    while not (answers(address) and keeps_its_users(address)):
        if running(data) is None:
            give_up_with_log("Elasticsearch ended while it started", data)
        if time.monotonic() > until:
            give_up_with_log(f"no answer at {address} within {PATIENCE:.0f} s", data)
        time.sleep(0.3)


def keeps_its_users(address: str) -> bool:
    """Whether the index of users is there: while a young server makes it by itself, it takes no password."""
    password = os.environ.get("ELASTIC_PASSWORD")
    return not password or answer_of(f"{address}/_security/user/elastic/_password", {"password": password})[0] == 200


def running(data: Path) -> int | None:
    """The process of the server with this data directory, if it lives."""
    try:
        pid = int((data / "pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    line = Path(f"/proc/{pid}/cmdline")
    # a number may have gone to another process since
    return pid if not line.exists() or b"elasticsearch" in line.read_bytes() else None


def give_up_with_log(message: str, data: Path) -> NoReturn:
    """End with a message and what the server wrote."""
    for path in (data / "start.log", *sorted((data / "logs").glob("dpr-haystack-*.log"))):
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        say("\n".join([f"--- {path}", *lines[-40:]]))
    give_up(message, 1)


if __name__ == "__main__":
    sys.exit(main())
