"""The parts of the exchange without a server: order, likeness, journal, capabilities; and searches that lead astray."""

from __future__ import annotations

import gzip
import json
import zlib
from decimal import Decimal
from types import SimpleNamespace

import pytest

from trialbridge.base.errors import ServerError, UnknownNameError
from trialbridge.base.http import Client
from trialbridge.exchange.journal import Journal, Written
from trialbridge.exchange.likeness import bare, likeness
from trialbridge.exchange.pull import _older
from trialbridge.exchange.pull_parts import Parts, _wanted_export
from trialbridge.exchange.push_order import groups, packed
from trialbridge.exchange.subjects import Scope
from trialbridge.fhir.server import bulk
from trialbridge.fhir.server.capability import Capabilities
from trialbridge.fhir.server.client import Server
from trialbridge.fhir.server.search import everything, search


def _pointing(name, *targets):
    kind, _, own = name.partition("/")
    return {"resourceType": kind, "id": own, "x": [{"reference": target} for target in targets]}


def test_targets_go_first_and_rings_together():
    """A server that checks references would refuse what points at something it does not have yet."""
    given = [
        _pointing("Observation/1", "Observation/2"),
        _pointing("Observation/2", "Observation/3", "Patient/p"),
        _pointing("Observation/3", "Observation/2"),
        _pointing("Patient/p", "Elsewhere/x"),
    ]
    ordered = groups(given)
    assert ordered == [["Patient/p"], ["Observation/2", "Observation/3"], ["Observation/1"]]
    held = {f"{one['resourceType']}/{one['id']}": one for one in given}
    assert list(packed(ordered, held, 2)) == [
        [["Patient/p"]],
        [["Observation/2", "Observation/3"]],
        [["Observation/1"]],
    ]


def test_a_long_chain_is_no_recursion():
    """A thousand observations derived one from the other would be a crash."""
    chain = [_pointing(f"Observation/{n}", f"Observation/{n + 1}") for n in range(5000)]
    ordered = groups(chain)
    assert [group[0] for group in ordered] == [f"Observation/{n}" for n in reversed(range(5000))]


@pytest.mark.parametrize(
    ("theirs", "like"),
    [
        ({"v": Decimal("23.50")}, "same"),
        ({"v": Decimal("23.5")}, "digits"),
        ({"v": Decimal("23.51")}, "different"),
        ({"v": Decimal("23.50"), "text": {"status": "generated"}}, "same"),
        ({"v": Decimal("23.50"), "more": 1}, "different"),
        ({}, "different"),
    ],
)
def test_alike(theirs, like):
    """A second push would send what is there, or pass over what has changed."""
    assert likeness({"v": Decimal("23.50")}, theirs) == like


def test_what_is_the_servers_own():
    """Version, time and absolute references of the server's would count as changes for ever."""
    theirs = {
        "resourceType": "X",
        "meta": {"versionId": "3", "lastUpdated": "2026", "tag": [{"system": "ours", "code": "1"}]},
        "subject": {"reference": "http://h/fhir/Patient/1"},
    }
    assert bare(theirs, "http://h/fhir", "ours") == {"resourceType": "X", "subject": {"reference": "Patient/1"}}
    kept = {"meta": {"profile": ["p"], "tag": [{"system": "theirs", "code": "1"}]}}
    assert bare(kept, "http://h/fhir", "ours") == kept


def test_a_torn_journal(tmp_path):
    """A journal cut by a power failure would stop every later push, or its next line would be lost too."""
    with Journal(tmp_path) as journal:
        journal.begin("one", {})
        journal.done({"Patient/1": Written("d", "Patient/1", "1")})
    with (tmp_path / "journal.ndjson").open("ab") as file:
        file.write(b'{"done":{"Patient/2":["d","Pat')
    with Journal(tmp_path) as journal:
        assert list(journal.known) == ["Patient/1"]
        assert journal.is_ours("Patient/1", "1")
        assert not journal.is_ours("Patient/1", "2")
        journal.begin("two", {})
        journal.sending({"Patient/1": "e"})
        assert journal.is_ours("Patient/1", "2")
        journal.done({"Patient/3": Written("d", "Patient/3", None)})
    assert list(Journal(tmp_path).known) == ["Patient/1", "Patient/3"]


def test_releases_we_do_not_speak():
    """A server of an old release would be pulled from, and misread."""
    with pytest.raises(UnknownNameError, match=r"speaks FHIR 1\.0\.2"):
        Capabilities.of({"resourceType": "CapabilityStatement", "fhirVersion": "1.0.2"})


def test_exports_offered():
    """$export would be asked for where it is not, or passed over where it is offered under its other name."""
    rest = {"mode": "server", "operation": [{"name": "$export"}]}
    told = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [rest]}
    assert all(Capabilities.of(told).exports(level) for level in ("system", "patient", "group"))
    rest = {"resource": [{"type": "Group", "operation": [{"name": "group-export"}]}]}
    found = Capabilities.of({**told, "rest": [rest]})
    assert [found.exports(level) for level in ("system", "patient", "group")] == [False, False, True]


@pytest.mark.parametrize(("known", "since"), [({"Patient/1", "Patient/2"}, "2026-01-01"), ({"Patient/1"}, None)])
def test_with_a_new_subject_everything_is_exported(known, since):
    """Of a subject who joined since the last pull only what changed since would come."""
    rest = {"resource": [{"type": "Patient", "operation": [{"name": "export"}]}]}
    told = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [rest]}
    server = SimpleNamespace(capabilities=lambda: Capabilities.of(told))
    wanted, found = SimpleNamespace(scope=Scope("NCT03406468")), SimpleNamespace(patients=["Patient/1", "Patient/2"])
    parts = Parts(server, wanted, None, found, ("Patient", "Observation"), {}, known, "2026-01-01")
    assert _wanted_export(parts) == bulk.Wanted("patient", None, ("Patient",), since)


def _bundle(total=1, following=None, ids=("1",)):
    entries = [{"resource": {"resourceType": "Patient", "id": one}} for one in ids]
    links = [{"relation": "next", "url": following}] if following else []
    told = {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries, "link": links}
    return json.dumps(told).encode()


def _searched(network, answers):
    """The ids a search finds, the server answering with these bodies one after the other, the last for ever."""
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy:
        bodies = answers(proxy.url)

        def plan(number, method, path):
            return network.status(200, body=bodies[min(number, len(bodies)) - 1])

        proxy.plan = plan
        with Client(proxy.url) as http:
            return [one["id"] for page in search(Server(http), "Patient") for one in page.matches]


def test_an_export_is_asked_about_every_sixteen_seconds_or_so(network, monkeypatch):
    """Pauses that double would be of minutes, and an export that is done long since be waited for."""
    naps = []
    monkeypatch.setattr(bulk.time, "sleep", naps.append)
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy, Client(proxy.url) as http:
        proxy.plan = lambda number, _method, _path: network.status(202 if number <= 12 else 404)
        assert bulk.wait(Server(http), f"{proxy.url}/bulk/1", seconds=3600) is None
    assert [round(nap / 2 ** min(at - 1, 4)) for at, nap in enumerate(naps)] == [1] * 12  # 0.5, 1, 2, 4, 8, 16, 16 …


@pytest.mark.parametrize("refusal", [404, 405, 415, 501])
def test_a_search_by_post_that_the_server_does_not_have(network, refusal):
    """A server without `_search` could not be asked for a hundred ids, nor for a subject whose name no log may hold."""
    asked = []

    def plan(_number, method, path):
        asked.append((method, path.partition("?")[0]))
        return network.status(refusal) if method == "POST" else network.status(200, body=_bundle())

    with network.standing_before("http://127.0.0.1:9/fhir") as proxy, Client(proxy.url) as http:
        proxy.plan = plan
        found = search(Server(http), "Patient", (("identifier", "secret"),), private=True)
        assert [one["id"] for page in found for one in page.matches] == ["1"]
    assert asked == [("POST", "/fhir/Patient/_search"), ("GET", "/fhir/Patient")]


def test_pages_in_a_ring(network):
    """A server whose next page is the same page would be asked for ever."""
    with pytest.raises(ServerError, match="round in a ring"):
        _searched(network, lambda url: [_bundle(9, f"{url}/Patient?page=2")])


def test_pages_on_another_host(network):
    """The next page's link would lead our credentials to a stranger."""
    with pytest.raises(ServerError, match="on another host"):
        _searched(network, lambda url: [_bundle(9, "http://evil.example/fhir?page=2")])


def test_pages_behind_a_proxy(network):
    """A server that calls itself by its inner port would be left after the first page."""
    pages = [_bundle(2, "https://127.0.0.1:1/fhir?page=2"), _bundle(2, None, ("2",))]
    assert _searched(network, lambda url: pages) == ["1", "2"]


def test_a_server_without_paging(network):
    """Without a next link the study would end with the first page; what cannot be had must be said."""
    assert _searched(network, lambda url: [_bundle(2), _bundle(2, None, ("1", "2"))]) == ["1", "2"]
    with pytest.raises(ServerError, match="says 2 match and gave 1"):
        _searched(network, lambda url: [_bundle(2)])


def test_what_stands_on_two_pages_is_one(network):
    """Where the data change while pages are turned, one stands twice and another nowhere: the count would fit."""

    def saying(total):
        return lambda url: [_bundle(total, f"{url}/Patient?page=2", ("1", "2")), _bundle(total, None, ("2",))]

    with pytest.raises(ServerError, match="says 3 match and gave 2"):
        _searched(network, saying(3))
    assert _searched(network, saying(2)) == ["1", "2", "2"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"resource": {"id": "1"}}, "Entry 0 of a search's page is no resource"),
        ({"fullUrl": "x"}, "Entry 0 of a search's page is no resource"),
        ("Patient/1", "Entry 0 of a search's page is no resource"),
        ({"resource": {"resourceType": "Patient"}}, "Entry 0 of a search's page is no resource, or has no id"),
    ],
)
def test_an_entry_that_is_no_resource_is_told(network, entry, said):
    """A match whose resource is broken would be left out without a word."""
    body = json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [entry]}).encode()
    with pytest.raises(ServerError, match=said):
        _searched(network, lambda url: [body])


def test_a_search_mode_that_is_none(network):
    """A server that writes entry.search as a text would be a traceback."""
    entry = {"resource": {"resourceType": "Patient", "id": "1"}, "search": "match"}
    body = json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [entry]}).encode()
    assert _searched(network, lambda url: [body]) == ["1"]


def test_everything_in_a_ring(network):
    """Of a patient whose pages go round in a ring the rest would be left out without a word."""
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy:
        ring = network.status(200, body=_bundle(9, f"{proxy.url}/Patient/1/$everything?page=2"))
        proxy.plan = lambda number, method, path: ring
        with Client(proxy.url) as http, pytest.raises(ServerError, match="round in a ring"):
            list(everything(Server(http), "Patient/1"))


@pytest.mark.parametrize(
    "output",
    [{"type": "Patient"}, {"type": "../../../tmp/x", "url": "http://127.0.0.1/x"}, "Patient", {"type": 1, "url": 2}],
)
def test_a_manifest_that_leads_astray(network, output):
    """A file's type becomes a part of its name: a server could write outside of the folder, or be a traceback."""
    manifest = json.dumps({"transactionTime": "2026-01-01T00:00:00Z", "output": [output]}).encode()
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy:
        proxy.plan = lambda number, method, path: network.status(200, body=manifest)
        with Client(proxy.url) as http, pytest.raises(ServerError, match="without an address, or of no resource type"):
            bulk.wait(Server(http), proxy.url, seconds=5)


def test_a_login_page_is_no_file_of_an_export(network, tmp_path):
    """The page would be kept as the file, and every later run break on it."""
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy:
        proxy.plan = lambda number, method, path: network.status(200, body=b"<html>log in</html>", kind="text/html")
        manifest = bulk.Manifest("", (bulk.File("output", "Patient", f"{proxy.url}/file", None),), needs_token=False)
        with Client(proxy.url) as http, pytest.raises(ServerError, match="A file of Patient is no NDJSON"):
            list(bulk.fetch(Server(http), manifest, tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z", True),
        ("2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00Z", False),
        ("2026-01-01T01:00:00+02:00", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00", False),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000+00:00", False),
        (None, "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", None, False),
    ],
)
def test_which_of_two_versions_is_older(one, other, older):
    """Compared as texts, half a second or an offset would make the earlier of two versions the later one."""
    mine, theirs = ({"resourceType": "X", "meta": {"lastUpdated": text} if text else {}} for text in (one, other))
    assert _older(mine, theirs) is older


def test_a_packed_answer_that_ends_early_is_asked_for_again(network, quick, tmp_path):
    """Of a gzip body cut at the end of a line, the rest of an export would be missing without a word."""
    packer = zlib.compressobj(wbits=31)
    lines = b'{"resourceType":"Patient","id":"1"}\n'
    cut = packer.compress(lines) + packer.flush(zlib.Z_SYNC_FLUSH)
    whole = gzip.compress(lines) + gzip.compress(lines.replace(b"1", b"2"))
    with network.standing_before("http://127.0.0.1:9/fhir") as proxy:
        packed = {"Content-Encoding": "gzip"}
        proxy.plan = lambda number, method, path: network.status(200, packed, cut if number % 2 else whole)
        with Client(proxy.url) as http:
            http.download(f"{proxy.url}/file", tmp_path / "file")
            assert (tmp_path / "file").read_bytes().count(b"\n") == 2
            assert http.send("GET", f"{proxy.url}/file").body.count(b"\n") == 2
        proxy.plan = lambda number, method, path: network.status(200, packed, cut)
        with Client(proxy.url) as http, pytest.raises(ServerError, match=r"No answer came \(RemoteProtocolError\)"):
            http.send("GET", f"{proxy.url}/file")


def test_an_answer_in_another_encoding_is_told(network):
    """The user would look for a login page where the server does not write UTF-8."""
    body = json.dumps({"resourceType": "Patient", "name": [{"family": "Müller"}]}, ensure_ascii=False).encode("latin-1")
    with pytest.raises(ServerError, match=r"no FHIR \(application/fhir\+json\)\. This is not UTF-8\."):
        _searched(network, lambda url: [body])
