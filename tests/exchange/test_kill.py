"""trialbridge itself killed (SIGKILL) at twenty random points of push and pull: run again, nothing is lost or doubled.

A point is a request, by its number: the process dies before the server hears of it, after the server has done it, or a
moment after the answer has come (while it writes). The numbers come from a seed. The process is a child forked from one
that has imported everything, so that twenty deaths do not cost twenty starts.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading

import httpx
import pytest

import trialbridge

pytestmark = [pytest.mark.once, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")]

POINTS = 10
SEED = 20190715
TYPES = "AdverseEvent,BodyStructure,Condition,Consent,Encounter,Location,Procedure"
FORKING = """
import json, os, sys
from trialbridge.cli import app
from trialbridge.commands import pull, push
from typer.main import get_command
command = get_command(app)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for one in (0, 1, 2):
            os.dup2(nothing, one)
        try:
            command(json.loads(line))
        except SystemExit as end:
            os._exit(end.code or 0)
        except BaseException:
            os._exit(99)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Mortal:
    """Runs commands in children that can be killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._known = threading.Event()
        self._child = 0
        self._runs = 0

    def run(self, *words) -> int:
        """The exit code; -9 if it was killed."""
        self._known.clear()
        self._runs += 1
        self._process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        self._process.stdin.flush()
        self._child = int(self._process.stdout.readline())
        self._known.set()
        return int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill the child at work; one that has just ended is left alone."""
        assert self._known.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)

    def kill_soon(self, seconds: float) -> None:
        """Kill the child at work after a while, if it is still at work: never the next one."""
        run = self._runs
        threading.Timer(seconds, lambda: self.kill() if run == self._runs else None).start()

    def close(self) -> None:
        """End the parent too."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@pytest.fixture
def mortal():
    """Something to kill."""
    made = Mortal()
    yield made
    made.close()


def _point(network, mortal, chance, requests):
    """A plan that kills at one request, and what it is."""
    number, way, moment = (
        chance.randint(1, requests),
        chance.choice(("before", "after", "soon")),
        chance.random() * 0.05,
    )

    def soon(handler, send):
        mortal.kill_soon(moment)
        network.passed(handler, send)

    fault = {
        "before": network.first(mortal.kill, network.cut),
        "after": network.after(mortal.kill),
        "soon": soon,
    }[way]
    return (lambda at, method, path: fault if at == number else None), f"{way} request {number} of {requests}"


def _few(folder):
    for path in folder.glob("*.ndjson"):
        if path.stem in ("Observation", "Basic", "MedicationStatement", "Condition"):
            path.unlink()
    return folder


def test_killed_while_pushing(sekmet, mortal, network, cohort, size):
    """A process that is killed at night would leave a server with holes, or with doubles after the next run."""
    few, chance, points = _few(cohort), random.Random(SEED), []  # noqa: S311 - a seeded choice
    with network.standing_before(sekmet.url) as proxy:
        words = ("push", few, proxy.url, "--bundle-size", 12, "--workers", 1, "--quiet")
        assert mortal.run(*words) == 0
        requests = len(proxy.seen)
        for _ in range(POINTS):
            sekmet.reset()
            for path in (few / ".push").rglob("*"):
                path.unlink() if path.is_file() else None
            proxy.seen.clear()
            proxy.plan, point = _point(network, mortal, chance, requests)
            points.append((point, mortal.run(*words)))
            proxy.plan = lambda number, method, path: None
            assert mortal.run(*words) == 0, point
            for kind in size(few):
                told = httpx.get(f"{sekmet.url}/{kind}", params={"_count": 1000}, timeout=30).json()
                versions = {one["resource"]["id"]: one["resource"]["meta"]["versionId"] for one in told["entry"]}
                ours = {json.loads(line)["id"] for line in (few / f"{kind}.ndjson").read_text().splitlines()}
                assert set(versions) == ours, (point, kind)
                assert set(versions.values()) == {"1"}, (point, kind)
    assert sum(code == -9 for _, code in points) >= POINTS // 2, points


def test_killed_while_pulling(filled, mortal, network, tmp_path, cohort):
    """A pull that is killed would leave a folder that looks whole and is not; or the next would double what is there."""
    chance, points = random.Random(SEED + 1), []  # noqa: S311 - a seeded choice
    with network.standing_before(filled.url) as proxy:
        words = ("pull", proxy.url, "--study", "NCT03406468", "--workers", 2, "--quiet", "--type", TYPES)
        assert mortal.run(*words, "-o", tmp_path / "whole") == 0
        requests = len(proxy.seen)
        for number in range(POINTS):
            folder = tmp_path / f"killed-{number}"
            proxy.seen.clear()
            proxy.plan, point = _point(network, mortal, chance, requests)
            if number >= POINTS - 3:  # at the end, while the folder is written
                proxy.plan, point = _last(network, mortal, chance, requests)
            points.append((point, mortal.run(*words, "-o", folder)))
            proxy.plan = lambda number, method, path: None
            assert mortal.run(*words, "-o", folder, "--since", "auto") == 0, point
            assert trialbridge.diff(tmp_path / "whole", folder).equal, point
            assert not (folder / ".pull").exists()
    assert sum(code == -9 for _, code in points) >= POINTS // 2, points


def _last(network, mortal, chance, requests):
    moment = chance.random() * 0.2

    def soon(handler, send):
        mortal.kill_soon(moment)
        network.passed(handler, send)

    return (lambda at, method, path: soon if at == requests else None), f"{moment:.3f} s after the last request"
