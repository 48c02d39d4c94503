"""What networks and servers do: each fault really made, by a proxy on loopback or by killing the server.

After each the same is true: run again, and everything is there once.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

import httpx
import pytest

import trialbridge

pytestmark = pytest.mark.once

STUDY = ("--study", "NCT03406468")
OUTCOME = json.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception", "diagnostics": "oh"}]}
).encode()


@pytest.fixture
def few(cohort):
    """A study without its many observations and rows: seventy resources or so."""
    for kind in ("Observation", "Basic"):
        (cohort / f"{kind}.ndjson").unlink()
    return cohort


def _whole(server, folder):
    """Whether the server holds each resource of the folder once, as it is, in its first version."""
    for path in folder.glob("*.ndjson"):
        ours = {json.loads(line)["id"] for line in path.read_text().splitlines()}
        told = httpx.get(f"{server.url}/{path.stem}", params={"_count": 1000}, timeout=30).json()
        theirs = [entry["resource"] for entry in told.get("entry", ())]
        theirs = [one for one in theirs if not one["id"].startswith("topic-")]  # sekmet's own, made when it starts
        assert {one["id"] for one in theirs} == ours, path.stem
        assert len(theirs) == len(ours), path.stem
        assert {one["meta"]["versionId"] for one in theirs} == {"1"}, path.stem


def _transactions(fault, *numbers):
    """A plan: the fault befalls the transactions of these numbers."""
    seen = []

    def plan(number, method, path):
        if method == "POST" and path in ("/fhir", "/fhir/"):
            seen.append(number)
            if len(seen) in numbers:
                return fault
        return None

    return plan


@pytest.mark.parametrize(
    "name", ["cut", "cut_after", "half", "lie", "html", "500", "503", "429", "storm"], ids=lambda name: name
)
def test_a_push_through_faults(sekmet, run, few, network, quick, name, size):
    """A fault on the line would lose resources, double them, or give them second versions."""
    faults = {
        "cut": network.cut,
        "cut_after": network.cut_after,
        "half": network.half,
        "lie": network.instead(200, OUTCOME),
        "html": network.instead(200, b"<html>Please log in</html>", "text/html"),
        "500": network.status(500, body=OUTCOME),
        "503": network.status(503, {"Retry-After": "1"}),
        "429": network.status(429, {"Retry-After": "1"}),
        "storm": network.status(503),
    }
    with network.standing_before(sekmet.url) as proxy:
        if name == "storm":  # every request for a while, reading ones too
            proxy.plan = lambda number, method, path: faults[name] if 5 <= number % 12 <= 8 else None
        else:
            proxy.plan = _transactions(faults[name], 1, 2, 4)
        done = run("push", few, proxy.url, "--bundle-size", 15, "--retries", 6)
    assert done["created"] == done["resources"] == size(few).total()
    assert done["failed"] == 0
    _whole(sekmet, few)
    assert run("push", few, sekmet.url)["unchanged"] == size(few).total()


@pytest.mark.parametrize("way", ["cut_after", "lie"])
def test_a_push_of_the_servers_own_ids_through_faults(sekmet, run, few, network, quick, counted, way, size):
    """Where the server chooses ids, an answer that is lost loses the ids: the same would be made twice."""
    with network.standing_before(sekmet.url) as proxy:
        proxy.plan = _transactions(network.cut_after if way == "cut_after" else network.instead(200, OUTCOME), 1, 3)
        done = run("push", few, proxy.url, "--bundle-size", 15, "--ids", "server")
    assert done["created"] == size(few).total()
    expected = {kind: size(few)[kind] for kind in ("AdverseEvent", "BodyStructure", "Patient", "ResearchStudy")}
    assert counted(sekmet, *expected) == expected


def test_a_server_that_only_ever_lies(sekmet, run, few, network, quick, size):
    """A server that answers 200 with an error each time would be believed, or asked for ever."""
    with network.standing_before(sekmet.url) as proxy:
        proxy.plan = lambda number, method, path: (
            network.status(200, body=OUTCOME) if method == "POST" and path == "/fhir" else None
        )
        error = run("push", few, proxy.url, code=2)["error"]
        assert len([1 for method, path in proxy.seen if (method, path) == ("POST", "/fhir")]) == 3
    assert "not with what became of its entries" in error["message"]
    assert run("push", few, sekmet.url)["created"] == size(few).total()


@pytest.mark.parametrize("name", ["cut", "half", "lie", "html", "503", "429", "slow"], ids=lambda name: name)
def test_a_pull_through_faults(filled, run, tmp_path, network, quick, name, size, cohort):
    """A fault on the line would leave a study with holes, and nobody would know."""
    faults = {
        "cut": network.cut,
        "half": network.half,
        "lie": network.instead(200, OUTCOME),
        "html": network.instead(200, b"<html>Please log in</html>", "text/html"),
        "503": network.status(503, {"Retry-After": "1"}),
        "429": network.status(429, {"Retry-After": "1"}),
        "slow": network.slow(0.25),
    }
    with network.standing_before(filled.url) as proxy:
        proxy.plan = lambda number, method, path: faults[name] if number in (3, 4, 9, 15, 16) else None
        if name in ("lie", "html"):  # not a matter of trying again: it is said, and the next run goes on
            message = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY, code=2)["error"]["message"]
            assert "failed" in message or "no FHIR" in message
            assert not (tmp_path / "got" / "pull.json").exists()
            proxy.plan = lambda number, method, path: None
        done = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY, "--timeout", 20)
    assert sum(done["held"].values()) == size(cohort).total()
    back = trialbridge.to_sdtm(tmp_path / "got").study
    assert trialbridge.diff(trialbridge.to_sdtm(cohort).study, back).equal


def test_a_silent_server_is_left(filled, run, tmp_path, network, quick, size, cohort):
    """A server that says nothing would hold a night job until morning."""
    with network.standing_before(filled.url) as proxy:
        proxy.plan = lambda number, method, path: network.slow(1.5) if "Observation" in path else None
        words = ("--timeout", 0.2, "--retries", 1)
        error = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY, *words, code=2)["error"]
        asked = Counter(path for _, path in proxy.seen)
    assert "ReadTimeout" in error["message"]
    assert max(asked.values()) == 2  # once, and once again
    done = run("pull", filled.url, "-o", tmp_path / "got", *STUDY)
    assert sum(done["held"].values()) == size(cohort).total()


def test_what_was_brought_is_not_brought_again(filled, run, tmp_path, network, quick, size, cohort):
    """A pull that broke at the end would begin at the beginning each night, and never end."""
    with network.standing_before(filled.url) as proxy:
        proxy.plan = lambda number, method, path: network.status(404, body=OUTCOME) if "/Procedure?" in path else None
        run("pull", proxy.url, "-o", tmp_path / "got", *STUDY, "--workers", 1, code=2)
        first = len(proxy.seen)
        proxy.plan = lambda number, method, path: None
        done = run("pull", proxy.url, "-o", tmp_path / "got", *STUDY, "--workers", 1)
        second = [path for _, path in proxy.seen[first:]]
    assert done["resumed"]
    assert sum(done["held"].values()) == size(cohort).total()
    assert not any("/Observation?" in path or "ResearchSubject" in path for path in second)


def test_the_server_dies_in_mid_transaction(server_kinds, tmp_path, run, few, network, size):
    """A power cut at the server while it writes would leave half of a transaction, or lose it for good."""
    server = server_kinds.Sekmet(tmp_path).start()
    restarted = []

    def restart():
        server.kill()
        thread = threading.Thread(target=lambda: (time.sleep(0.3), server.start()))
        thread.start()
        restarted.append(thread)

    def die_within(handler, send):
        """The request is with the server when it dies."""
        timer = threading.Timer(0.03, restart)
        timer.start()
        try:
            answer = send()
        finally:
            timer.join()
        handler.reply(*answer)

    try:
        with network.standing_before(server.url) as proxy:
            proxy.plan = _transactions(die_within, 2)
            done = run("push", few, proxy.url, "--bundle-size", 25, "--retries", 8)
            assert len(restarted) == 1
            restarted[0].join()
            assert done["created"] == size(few).total()
            _whole(server, few)
    finally:
        server.kill()
