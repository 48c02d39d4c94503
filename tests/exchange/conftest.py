"""The servers of `servers.py`, started once a file of tests, and a small cohort of the example in FHIR."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import httpx
import pytest
from typer.main import get_command

EXAMPLES = Path(__file__).parents[2] / "examples"


def _neighbour(name: str, place: Path):
    """A module by its place: pytest's importlib mode puts nothing on sys.path."""
    spec = importlib.util.spec_from_file_location(f"trialbridge_exchange_{name}", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


servers = _neighbour("servers", Path(__file__).with_name("servers.py"))
proxies = _neighbour("proxy", Path(__file__).with_name("proxy.py"))
packages = _neighbour("packages", Path(__file__).parents[1] / "packages.py")


@cache
def _command():
    """The command line, built once: typer takes a sixth of a second for it."""
    from trialbridge.cli import app

    return get_command(app)


@dataclass
class Ended:
    """A command's end: exit code, standard output, standard error."""

    exit_code: int
    stdout: str
    stderr: str


def _invoked(*words) -> Ended:
    """Run a command in this process; an exception that escapes fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            _command()([*(str(word) for word in words), "--json"])
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def _sekmet(tmp_path_factory):
    server = servers.Sekmet(tmp_path_factory.mktemp("sekmet")).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def _filled(_sekmet, tmp_path_factory):
    """The cohort is pushed once a session, and remembered by the server."""
    _sekmet.reset()
    folder = tmp_path_factory.mktemp("filled") / "fhir"
    shutil.copytree(EXAMPLES / "re_induction" / "fhir", folder)
    done = _invoked("push", folder, _sekmet.url)
    assert done.exit_code == 0, done.stdout
    _sekmet.tell("keep")
    time.sleep(1.1)  # a pull asks by whole seconds of the server's clock
    return _sekmet


@pytest.fixture
def filled(_filled):
    """A sekmet-fhir that holds the cohort; its clock has moved on since."""
    _filled.tell("back")
    return _filled


@pytest.fixture
def sekmet(_sekmet):
    """An empty sekmet-fhir."""
    _sekmet.reset()
    return _sekmet


@pytest.fixture(scope="session")
def _medplum(tmp_path_factory):
    modules = servers.medplum_modules(packages.cache(), packages.npm())
    server = servers.Medplum(tmp_path_factory.mktemp("medplum"), modules).start()
    yield server
    server.kill()


@pytest.fixture
def medplum(_medplum):
    """An empty Medplum MemoryRepository."""
    _medplum.reset()
    return _medplum


@pytest.fixture(scope="session")
def server_kinds():
    """The module `servers`, to start one's own."""
    return servers


@pytest.fixture
def network():
    """The module `proxy`: faults, and `standing_before(url)`."""
    return proxies


@pytest.fixture
def cohort(tmp_path):
    """The bundled example's three subjects in FHIR, as a folder of one's own."""
    return Path(shutil.copytree(EXAMPLES / "re_induction" / "fhir", tmp_path / "cohort"))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command line in this process, with --json: its exit code and what it said; pauses are not waited for long."""
    monkeypatch.setenv("TRIALBRIDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRIALBRIDGE_DEBUG", "1")
    for name in ("TRIALBRIDGE_BEARER_TOKEN", "TRIALBRIDGE_BASIC_PASSWD", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def call(*words, code=0):
        done = _invoked(*words)
        assert done.exit_code == code, done.stdout[-3000:] + done.stderr[-1000:]
        return json.loads(done.stdout, parse_float=Decimal)

    return call


@pytest.fixture
def quick(monkeypatch):
    """Pauses between tries are a hundredth as long."""
    from trialbridge.base import http as one
    from trialbridge.exchange import push as other

    def pause(number, retry_after, longest=60.0):
        return min(0.01 * 2.0**number, 0.3)

    monkeypatch.setattr(one, "pause", pause)
    monkeypatch.setattr(other, "pause", pause)


@pytest.fixture
def counted():
    """How many resources of each type a server holds, as it counts them."""

    def count(server, *kinds):
        found = {}
        for kind in kinds:
            answer = httpx.get(f"{server.url}/{kind}", params={"_summary": "count"}, timeout=30)
            found[kind] = answer.json()["total"]
        return found

    return count


@pytest.fixture
def size():
    """How many resources of each type a folder of NDJSON holds."""

    def count(folder):
        return Counter({path.stem: len(path.read_text().splitlines()) for path in folder.glob("*.ndjson")})

    return count
