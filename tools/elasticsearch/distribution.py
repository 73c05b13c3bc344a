# SPDX-FileCopyrightText: 2026-present The dpr-haystack authors
#
# SPDX-License-Identifier: Apache-2.0
"""The distribution that Elastic publishes for REST tests, from Maven Central, with our plugin in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from jdk import fitting_jdk, jdks_found
from messages import NO_MEANS, give_up, say

#: The oldest JDK for each major version of Elasticsearch that the plugin has sources for.
OLDEST_JDK = {8: 17, 9: 21}

_PLUGIN = Path(__file__).resolve().parent / "plugin"
_PLUGIN_CLASS = "io.github.dprhaystack.TestServerPlugin"
_COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{}:zip"


def home() -> Path:
    """Where everything lies. Root's own cache is closed to the user that the server runs as."""
    told = os.environ.get("DPR_HAYSTACK_ELASTICSEARCH_HOME")
    if told:
        return Path(told).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/dpr-haystack/elasticsearch")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "dpr-haystack" / "elasticsearch"


def java_for(version: str) -> tuple[Path, int]:
    """The JDK for a version of Elasticsearch, and the JDK's version."""
    oldest = OLDEST_JDK[major_of(version)]
    advice = f"install a JDK of version {oldest} or later and Maven, or Docker with Compose"
    if shutil.which("mvn") is None:
        give_up(f"Elasticsearch {version} cannot be started here, mvn was not found: {advice}", NO_MEANS)
    jdk = fitting_jdk(oldest)
    if jdk is None:
        found = "; ".join(jdks_found()) or "no JDK"
        give_up(
            f"Elasticsearch {version} cannot be started here, it needs a JDK of version {oldest} or later and there is "
            f"{found}: {advice}, or set ES_JAVA_HOME",
            NO_MEANS,
        )
    return jdk


def major_of(version: str) -> int:
    """The major version."""
    return int(version.partition(".")[0])


def the_distribution(version: str) -> Path:
    """The unpacked distribution with our plugin in it; whole or not there at all."""
    jdk, _ = java_for(version)
    with _one_at_a_time():
        return _prepared(version, jdk)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two starts at once unpack one distribution."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepared(version: str, jdk: Path) -> Path:
    sources = sorted((*_PLUGIN.glob("*.java"), *(_PLUGIN / str(major_of(version))).glob("*.java")))
    wanted = "".join(path.read_text() for path in sources)
    tree = home() / f"elasticsearch-{version}"
    seal = tree / "dpr-haystack-plugin.txt"
    if seal.is_file() and seal.read_text() == wanted:
        return tree
    if not tree.is_dir():
        _download(version, tree)
    _add_plugin(tree, version, jdk, sources)
    seal.write_text(wanted)
    return tree


def _download(version: str, tree: Path) -> None:
    say(f"getting Elasticsearch {version} from Maven Central")
    artifact = _ARTIFACT.format(version)
    with tempfile.TemporaryDirectory(dir=home()) as scratch:
        line = ["mvn", "-q", "-B", _COPY_GOAL, f"-Dartifact={artifact}", f"-DoutputDirectory={scratch}"]
        if subprocess.run(line, stdout=sys.stderr).returncode != 0:
            give_up("Maven could not get the distribution, see above", 1)
        _unzip(next(Path(scratch).glob("*.zip")), Path(scratch))
        (Path(scratch) / tree.name).rename(tree)


def _unzip(archive: Path, target: Path) -> None:
    """Unpack with the permissions that the archive records."""
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            path = packed.extract(entry, target)
            mode = entry.external_attr >> 16
            if mode:
                os.chmod(path, mode & 0o777)


def _add_plugin(tree: Path, version: str, jdk: Path, sources: list[Path]) -> None:
    """Compile our plugin against the distribution and install it."""
    folder, release = tree / "plugins" / "dpr-haystack", str(OLDEST_JDK[major_of(version)])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as classes:
        line = [jdk / "bin" / "javac", "--release", release, "-nowarn", "-cp", f"{tree}/lib/*", "-d", classes, *sources]
        if subprocess.run(line, stdout=sys.stderr).returncode != 0:
            give_up("the plugin could not be compiled, see above", 1)
        with zipfile.ZipFile(folder / "plugin.jar", "w") as jar:
            for path in sorted(Path(classes).rglob("*.class")):
                jar.write(path, path.relative_to(classes))
    told = {
        "name": "dpr-haystack",
        "description": "what the distribution for REST tests lacks",
        "version": version,
        "elasticsearch.version": version,
        "java.version": release,
        "classname": _PLUGIN_CLASS,
    }
    (folder / "plugin-descriptor.properties").write_text("".join(f"{key}={value}\n" for key, value in told.items()))
