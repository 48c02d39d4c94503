"""Getting in: SMART Backend Services with real tokens that run out, bearer, basic; and `$export` with each of its levels."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import trialbridge
from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.http import Client
from trialbridge.fhir.server.auth import BackendServices, _Signer
from trialbridge.fhir.server.bulk import Wanted, begin, cancel, fetch, wait
from trialbridge.fhir.server.client import Server

STUDY = ("--study", "NCT03406468")


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, server_kinds):
    """A sekmet-fhir that lets in by SMART (tokens of two seconds), a bearer token, or a user; and the keys."""
    folder = tmp_path_factory.mktemp("guarded")
    clients = []
    for name, key in (("rsa", rsa.generate_private_key(65537, 2048)), ("ec", ec.generate_private_key(ec.SECP384R1()))):
        (folder / f"{name}.pem").write_bytes(_pem(key))
        (folder / f"{name}.pub").write_bytes(_public(key))
        scopes = "system/*.cruds" if name == "rsa" else "system/*.rs"
        clients.append({"client_id": name, "public_key_path": str(folder / f"{name}.pub"), "scopes": scopes})
    (folder / "token").write_text("a-bearer-token\n")
    (folder / "password").write_text("opensesame\n")
    auth = {
        "types": ["smart", "bearer", "basic"],
        "smart_clients": clients,
        "token_lifetime": 2,
        "tokens": ["a-bearer-token"],
        "users": {"nurse": "opensesame"},
    }
    server = server_kinds.Sekmet(folder, auth).start()
    yield server
    server.kill()


def _smart(server, name="rsa"):
    return ("--smart-client-id", name, "--smart-key", server.folder / f"{name}.pem")


def test_smart_there_and_back_over_many_tokens(guarded, run, cohort, tmp_path, size):
    """A transfer longer than a token's life (here two seconds) would fail half-way."""
    done = run("push", cohort, guarded.url, *_smart(guarded), "--bundle-size", 40)
    assert done["created"] + done["unchanged"] == size(cohort).total()
    time.sleep(2.1)
    run("pull", guarded.url, "-o", tmp_path / "back", *STUDY, *_smart(guarded, "ec"))
    back = trialbridge.to_sdtm(tmp_path / "back").study
    assert trialbridge.diff(trialbridge.to_sdtm(cohort).study, back).equal
    log = (tmp_path / "back" / ".audit.ndjson").read_text()
    assert '/token"' in log
    assert "eyJ" not in log


def test_smart_and_export_together(guarded, run, cohort, tmp_path):
    """The way hospitals give data in bulk (SMART with $export) would not work as a whole."""
    run("push", cohort, guarded.url, *_smart(guarded))
    done = run(
        "pull", guarded.url, "-o", tmp_path / "back", *STUDY, *_smart(guarded), "--export", "--scope", "system/*.rs"
    )
    assert done["way"] == "export"
    back = trialbridge.to_sdtm(tmp_path / "back").study
    assert trialbridge.diff(trialbridge.to_sdtm(cohort).study, back).equal


def test_each_token_is_fetched_once_and_renewed_in_time(guarded):
    """Each request would fetch a token of its own; or the last second of one would be met with 401."""
    told = []
    token_url = f"{guarded.root}/auth/token"
    with Client(guarded.url, watch=told.append) as plain:
        services = BackendServices(plain, token_url, "rsa", guarded.folder / "rsa.pem", "system/*.rs")
        with Client(guarded.url, authorization=services) as client:
            for _ in range(20):  # on a busy machine five requests may outlast a token's two seconds
                services.renew()
                told.clear()
                begun = time.monotonic()
                for _ in range(5):
                    assert client.send("GET", f"{guarded.url}/Patient?_count=1").status == 200
                if time.monotonic() - begun < 1:
                    break
            assert len(told) == 1
            time.sleep(2.1)
            assert client.send("GET", f"{guarded.url}/Patient?_count=1").status == 200
            assert len(told) == 2


def test_a_token_refused_is_renewed(guarded):
    """A token the server forgot before its time (a restart) would end the transfer."""
    with Client(guarded.url) as plain:
        services = BackendServices(
            plain, f"{guarded.root}/auth/token", "rsa", guarded.folder / "rsa.pem", "system/*.rs"
        )
        with Client(guarded.url, authorization=services) as client:
            client.send("GET", f"{guarded.url}/Patient?_count=1")
            services._token = "forgotten"  # noqa: S105 - no password
            assert client.send("GET", f"{guarded.url}/Patient?_count=1").status == 200


def test_scopes_are_kept(guarded, run, cohort):
    """A reader's key that may not write would be reported as something else, or tried on and on."""
    events = (cohort / "AdverseEvent.ndjson").read_text()
    (cohort / "AdverseEvent.ndjson").write_text(events.replace('"date":"2019', '"date":"2018'))
    error = run("push", cohort, guarded.url, *_smart(guarded, "ec"), "--scope", "system/*.rs", code=2)["error"]
    assert "403" in error["message"]
    assert "scope" in error["fix"]


def test_the_wrong_key(guarded, run, tmp_path):
    """A key the server does not know would look like a server that is down."""
    (tmp_path / "other.pem").write_bytes(_pem(rsa.generate_private_key(65537, 2048)))
    words = ("--smart-client-id", "rsa", "--smart-key", tmp_path / "other.pem")
    error = run("pull", guarded.url, "-o", tmp_path / "back", *STUDY, *words, code=2)["error"]
    assert "No token is given: the server answered 401 (invalid_client)" in error["message"]


@pytest.mark.parametrize("way", ["file", "environment"])
def test_bearer_and_basic(guarded, run, tmp_path, monkeypatch, way):
    """The plain ways in would not work, or the secret would have to stand on the command line."""
    for number, words in enumerate((("--bearer-token", "token"), ("--basic-passwd", "password"))):
        given = [words[0], guarded.folder / words[1]] if way == "file" else []
        if way == "environment":
            secret = (guarded.folder / words[1]).read_text().strip()
            monkeypatch.setenv(("TRIALBRIDGE_BEARER_TOKEN", "TRIALBRIDGE_BASIC_PASSWD")[number], secret)
        user = ["--basic-user", "nurse"] if number else []
        error = run("pull", guarded.url, "-o", tmp_path / f"b{number}", "--study", "NCT-NONE", *given, *user, code=2)[
            "error"
        ]
        assert "no ResearchStudy of identifier" in error["message"]


def test_nobody_gets_in_without(guarded, run, tmp_path):
    """A refusal would look like an empty study."""
    error = run("pull", guarded.url, "-o", tmp_path / "back", *STUDY, code=2)["error"]
    assert "401" in error["message"]
    assert "credentials" in error["fix"]
    error = run("pull", guarded.url, "-o", tmp_path / "back", *STUDY, "--basic-user", "nurse", code=2)["error"]
    assert "no password" in error["message"]


@pytest.mark.parametrize("kind", ["RSA PEM", "EC PEM", "RSA JWK", "EC JWK", "set"])
def test_keys_of_each_kind(tmp_path, kind):
    """A hospital's key, given out as JWK or PEM, could not be used."""
    import jwt

    key = rsa.generate_private_key(65537, 2048) if "EC" not in kind else ec.generate_private_key(ec.SECP384R1())
    name = "ES384" if "EC" in kind else "RS384"
    file = tmp_path / "key"
    if "PEM" in kind:
        file.write_bytes(_pem(key))
    else:
        private = json.loads(jwt.get_algorithm_by_name(name).to_jwk(key)) | {"kid": "k1"}
        public = json.loads(jwt.get_algorithm_by_name(name).to_jwk(key.public_key())) | {"kid": "other"}
        file.write_text(json.dumps({"keys": [public, private]} if kind == "set" else private))
    signed = _Signer.of(file).sign({"iss": "me"})
    assert jwt.decode(signed, key.public_key(), algorithms=[name]) == {"iss": "me"}
    assert jwt.get_unverified_header(signed).get("kid") == (None if "PEM" in kind else "k1")


@pytest.mark.parametrize("text", ["", "no key", '{"kty": "RSA"}', "P-256", "small"])
def test_keys_smart_does_not_know(tmp_path, text):
    """A wrong key would be a traceback, or be sent and refused without a reason."""
    keys = {
        "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "small": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
    }
    (tmp_path / "key").write_bytes(_pem(keys[text]()) if text in keys else text.encode())
    with pytest.raises(UnreadableInputError, match="no private key SMART can use"):
        _Signer.of(tmp_path / "key")


def test_an_export_goes_on_after_a_break(filled, tmp_path, size, cohort):
    """Each break of a night's export would begin it anew; files brought already would be fetched again."""
    told = []
    with Client(filled.url, watch=told.append) as http:
        server = Server(http)
        address = begin(server, Wanted(types=("Patient", "Observation")))
        manifest = wait(server, address, seconds=30)
        assert [(one.role, one.type, one.count) for one in manifest.files] == [
            ("output", "Observation", size(cohort)["Observation"]),
            ("output", "Patient", 3),
        ]
        first = next(fetch(server, manifest, tmp_path))  # and the run is killed here
        again = wait(server, address, seconds=30)
        before = len(told)
        assert len(list(fetch(server, again, tmp_path))) == 2
        assert len(told) == before + 1
        assert len(first[1].read_text().splitlines()) == size(cohort)["Observation"]
        cancel(server, address)
        assert wait(server, address, seconds=30) is None


@pytest.mark.parametrize(
    ("wanted", "patients"),
    [(Wanted("patient"), 3), (Wanted("group", "g"), 1), (Wanted("system", since="2999-01-01"), 0)],
)
def test_each_level_of_export(filled, tmp_path, wanted, patients):
    """A level of $export would give others than it names."""
    one = httpx.get(f"{filled.url}/Patient?_count=1", timeout=30).json()["entry"][0]["resource"]["id"]
    group = {"resourceType": "Group", "id": "g", "type": "person", "actual": True}
    group["member"] = [{"entity": {"reference": f"Patient/{one}"}}]
    httpx.put(f"{filled.url}/Group/g", json=group, timeout=30).raise_for_status()
    with Client(filled.url) as http:
        server = Server(http)
        manifest = wait(server, begin(server, wanted), seconds=30)
        found = {file.type: path for file, path in fetch(server, manifest, tmp_path)}
    lines = found["Patient"].read_text().splitlines() if "Patient" in found else []
    assert len(lines) == patients


def test_an_export_that_is_not_offered(filled):
    """A refusal of the export would be waited for."""
    with Client(filled.url) as http, pytest.raises(ServerError, match="not begun"):
        begin(Server(http), Wanted("group", "nobody"))


def test_waiting_has_an_end(filled, network, run, tmp_path):
    """An export that never ends would be waited for for ever."""
    with network.standing_before(filled.url) as proxy:
        proxy.plan = lambda number, method, path: (
            network.status(202, {"Retry-After": "0", "X-Progress": "1 %"}) if "bulk-status" in path else None
        )
        with Client(proxy.url) as http:
            server = Server(http)
            with pytest.raises(ServerError, match="not done after"):
                wait(server, begin(server, Wanted()), seconds=0.2)
