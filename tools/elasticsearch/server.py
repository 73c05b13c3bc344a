# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""Start and stop a real Elasticsearch of one node on the loopback interface, to test against and to try things out.

    python tools/elasticsearch/server.py start [--port 19200]
    python tools/elasticsearch/server.py stop [--port 19200] [--remove]
    python tools/elasticsearch/server.py means        whether one can be started here

Where Docker Compose works, `compose.yaml` runs the official image. Elsewhere the distribution that Elastic publishes
for REST tests comes from Maven Central, once, and gets a small plugin (`plugin/`) with what it lacks. The address is
printed on stdout, everything else on stderr. Exit codes: 0 it answers, 1 it does not, 3 there are no means to start
one.

DPR_HAYSTACK_ELASTICSEARCH_HOME  where the distribution and the data of each port lie (default: the user's cache)
ELASTIC_PASSWORD                 switches security on; the user is `elastic`
ES_JAVA_OPTS                     memory of the server (default: 512 MB)
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

VERSION = "8.19.20"
PORT = 19200
HERE = Path(__file__).resolve().parent
COMPOSE = HERE.parents[1] / "compose.yaml"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
PLUGIN_CLASS = "io.github.dprhaystack.TestServerPlugin"
NOBODY = 65534  # root may not run Elasticsearch
PATIENCE = 120.0
NO_MEANS = 3
ADVICE = "install a JDK of version 17 or later and Maven, or Docker with Compose"


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="A real Elasticsearch on loopback; ELASTIC_PASSWORD secures it.")
    parser.add_argument("action", choices=["start", "stop", "means"])
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s")
    parser.add_argument("--remove", action="store_true", help="with stop: remove its data as well")
    arguments = parser.parse_args()
    if arguments.action == "start":
        print(start(arguments.port))
    elif arguments.action == "means":
        print("docker compose" if compose_works() else f"a JDK in {java_home()}")
    else:
        stop(arguments.port, remove=arguments.remove)
    return 0


def start(port: int) -> str:
    """Start a server unless one answers there already; returns its address."""
    address = f"http://127.0.0.1:{port}"
    if answers(address):
        return address
    if compose_works():
        compose(port, "up", "--detach", "--wait")
        say(f"Docker Compose runs it; {stop_line(port)}")
        return address
    with one_at_a_time():
        distribution = the_distribution()
    data = configured(distribution, port)
    launch(distribution, data)
    wait_for(address, data)
    say(f"data and logs: {data}; {stop_line(port)}")
    return address


def stop(port: int, *, remove: bool) -> None:
    """Stop the server of a port; one that is not there is no error."""
    data = home() / f"data-{port}"
    pid = running(data)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 30
        while running(data) is not None and time.monotonic() < until:
            time.sleep(0.1)
        if running(data) is not None:
            os.kill(pid, signal.SIGKILL)
    elif not data.exists() and compose_works():
        compose(port, "down", *(["--volumes"] if remove else []))
    if remove:
        shutil.rmtree(data, ignore_errors=True)


def stop_line(port: int) -> str:
    """How to stop it, for people to read."""
    return "stop it with: make elasticsearch-stop" + (f" ES_PORT={port}" if port != PORT else "")


def answers(address: str) -> bool:
    """Whether a server is there, takes our credentials and is ready to index."""
    status = status_of(f"{address}/_cluster/health?wait_for_status=yellow&timeout=1s")
    if status in (401, 403) and not os.environ.get("ELASTIC_PASSWORD"):
        give_up(f"a server that wants a password answers at {address} already: set ELASTIC_PASSWORD", 1)
    return status == 200


def status_of(url: str, body: dict[str, str] | None = None) -> int:
    """The HTTP status of an answer to our user; 0 if there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    password = os.environ.get("ELASTIC_PASSWORD")
    if password:
        token = base64.b64encode(f"elastic:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


# --- Docker -----------------------------------------------------------------------------------------------------------


def compose_works() -> bool:
    """Whether `docker compose` is there and its daemon answers."""
    if shutil.which("docker") is None:
        return False
    commands = (["docker", "compose", "version"], ["docker", "info"])
    with contextlib.suppress(subprocess.TimeoutExpired):
        return all(subprocess.run(each, capture_output=True, timeout=20).returncode == 0 for each in commands)
    return False


def compose(port: int, *command: str) -> None:
    """Run `docker compose` for the server of a port."""
    secured = "true" if os.environ.get("ELASTIC_PASSWORD") else "false"
    environment = os.environ | {"ELASTIC_PORT": str(port), "ELASTIC_SECURITY": secured, "ELASTIC_VERSION": VERSION}
    line = ["docker", "compose", "-f", str(COMPOSE), "-p", f"dpr-haystack-{port}", *command]
    done = subprocess.run(line, env=environment, stdout=sys.stderr)
    if done.returncode != 0:
        subprocess.run([*line[:6], "logs", "--tail", "40"], env=environment, stdout=sys.stderr)
        give_up("Docker Compose could not do it, see above", 1)


# --- Maven Central ----------------------------------------------------------------------------------------------------


def home() -> Path:
    """Where everything lies. Root's own cache is closed to the user that the server runs as."""
    told = os.environ.get("DPR_HAYSTACK_ELASTICSEARCH_HOME")
    if told:
        return Path(told).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/dpr-haystack/elasticsearch")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "dpr-haystack" / "elasticsearch"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two starts at once unpack one distribution."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def java_home() -> Path:
    """The JDK."""
    javac = shutil.which("javac")
    if javac is None or shutil.which("mvn") is None:
        give_up(f"no Elasticsearch can be started here: {ADVICE}", NO_MEANS)
    told = subprocess.run([javac, "-version"], capture_output=True, text=True)
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    if found is None or int(found[1]) < 17:
        version = (told.stdout or told.stderr).strip()
        give_up(f"no Elasticsearch can be started here, {version!r} is too old: {ADVICE}", NO_MEANS)
    return Path(javac).resolve().parents[1]


def the_distribution() -> Path:
    """The unpacked distribution with our plugin in it; whole or not there at all."""
    jdk = java_home()
    sources = sorted((HERE / "plugin").glob("*.java"))
    wanted = "".join(path.read_text() for path in sources)
    tree = home() / f"elasticsearch-{VERSION}"
    seal = tree / "dpr-haystack-plugin.txt"
    if seal.is_file() and seal.read_text() == wanted:
        return tree
    if not tree.is_dir():
        say(f"getting Elasticsearch {VERSION} from Maven Central")
        with tempfile.TemporaryDirectory(dir=home()) as scratch:
            line = ["mvn", "-q", "-B", COPY_GOAL, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={scratch}"]
            if subprocess.run(line, stdout=sys.stderr).returncode != 0:
                give_up("Maven could not get the distribution, see above", 1)
            unzip(next(Path(scratch).glob("*.zip")), Path(scratch))
            (Path(scratch) / tree.name).rename(tree)
    add_plugin(tree, jdk, sources)
    seal.write_text(wanted)
    return tree


def unzip(archive: Path, target: Path) -> None:
    """Unpack with the permissions that the archive records."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            path = packed.extract(entry, target)
            mode = entry.external_attr >> 16
            if mode:
                os.chmod(path, mode & 0o777)


def add_plugin(tree: Path, jdk: Path, sources: list[Path]) -> None:
    """Compile our plugin against the distribution and install it."""
    folder = tree / "plugins" / "dpr-haystack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as classes:
        line = [jdk / "bin" / "javac", "--release", "17", "-nowarn", "-cp", f"{tree}/lib/*", "-d", classes, *sources]
        if subprocess.run(line, stdout=sys.stderr).returncode != 0:
            give_up("the plugin could not be compiled, see above", 1)
        with zipfile.ZipFile(folder / "plugin.jar", "w") as jar:
            for path in sorted(Path(classes).rglob("*.class")):
                jar.write(path, path.relative_to(classes))
    told = {
        "name": "dpr-haystack",
        "description": "what the distribution for REST tests lacks",
        "version": VERSION,
        "elasticsearch.version": VERSION,
        "java.version": "17",
        "classname": PLUGIN_CLASS,
    }
    (folder / "plugin-descriptor.properties").write_text("".join(f"{key}={value}\n" for key, value in told.items()))


def configured(tree: Path, port: int) -> Path:
    """The data directory of a port, with the configuration for it."""
    data = home() / f"data-{port}"
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
        subprocess.run(line, env=environment_of(data), input=password, text=True, stdout=sys.stderr, check=True)
    return data


def environment_of(data: Path) -> dict[str, str]:
    """What the scripts of Elasticsearch go by."""
    ours = {"ES_PATH_CONF": str(data / "config"), "ES_JAVA_HOME": str(java_home()), "HOME": str(data)}
    return {"ES_JAVA_OPTS": "-Xms512m -Xmx512m"} | {**os.environ} | ours


def launch(tree: Path, data: Path) -> None:
    """Start the server in the background."""
    line = [tree / "bin" / "elasticsearch", "--daemonize", "--pidfile", data / "pid"]
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        for path in (data, *data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with (data / "start.log").open("wb") as log:
        done = subprocess.run(line, cwd=data, env=environment_of(data), stdout=log, stderr=log, **as_user)  # type: ignore[call-overload]
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
    return not password or status_of(f"{address}/_security/user/elastic/_password", {"password": password}) == 200


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


# --- what is said -----------------------------------------------------------------------------------------------------


def say(message: str) -> None:
    """To people: stdout is for the address."""
    print(message, file=sys.stderr, flush=True)


def give_up(message: str, code: int) -> NoReturn:
    """End with a message."""
    say(message)
    sys.exit(code)


def give_up_with_log(message: str, data: Path) -> NoReturn:
    """End with a message and what the server wrote."""
    for path in (data / "start.log", *sorted((data / "logs").glob("dpr-haystack-*.log"))):
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        say("\n".join([f"--- {path}", *lines[-40:]]))
    give_up(message, 1)


if __name__ == "__main__":
    sys.exit(main())
