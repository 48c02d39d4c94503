"""Who may call the service: API keys, tokens of an OpenID Connect issuer, and nobody from elsewhere without either."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

PATIENT = b'{"resourceType":"Patient","id":"p1","gender":"female"}'
JSON = {"Content-Type": "application/fhir+json"}
KEY = "0123456789abcdef-secret"


class Issuer:
    """An OpenID Connect issuer on loopback: discovery, and the keys it signs with."""

    def __init__(self) -> None:
        self.keys = {}
        self.new_key("first")
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                told = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                if self.path == "/keys":
                    told = {"keys": [issuer.public(name) for name in issuer.keys]}
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def new_key(self, name):
        """One more key to sign with."""
        self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self, name):
        """A key as the issuer publishes it."""
        told = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[name].public_key()))
        return {**told, "kid": name, "use": "sig", "alg": "RS256"}

    def token(self, name="first", key=None, **claims):
        """A good token, but for what the claims say otherwise."""
        now = int(time.time())
        body = {
            "iss": self.url,
            "aud": "trialbridge",
            "exp": now + 60,
            "client_id": "ward-7",
            "scope": "convert",
            **claims,
        }
        return jwt.encode(body, key or self.keys[name], algorithm="RS256", headers={"kid": name})

    def forged(self):
        """A token signed with the public key as if it were a shared secret (RFC 8725, 2.1)."""
        now = int(time.time())
        body = {"iss": self.url, "aud": "trialbridge", "exp": now + 60, "scope": "convert"}
        parts = [{"alg": "HS256", "typ": "JWT", "kid": "first"}, body]
        text = b".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
        secret = json.dumps(self.public("first")).encode()
        signature = hmac.new(secret, text, hashlib.sha256).digest()
        return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    def close(self):
        """End it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer():
    """A running issuer."""
    one = Issuer()
    yield one
    one.close()


def call(service, **headers):
    """A conversion asked for with these headers."""
    return httpx.post(
        f"{service.url}/convert", params={"to": "sdtm"}, content=PATIENT, headers={**JSON, **headers}, timeout=60
    )


def test_api_keys_let_in_by_name_and_are_not_logged(started, tmp_path):
    """Anyone could convert, or the key would stand in the log."""
    keys = tmp_path / "keys"
    keys.write_text(f"# callers\nward-7: {KEY}\nregistry: fedcba9876543210-other\n")
    service = started("--api-keys", str(keys))
    assert call(service).status_code == 401
    assert call(service, **{"X-API-Key": "wrong"}).status_code == 401
    refused = call(service, Authorization=f"Bearer {KEY}")
    assert refused.status_code == 401
    assert refused.json()["issue"][0]["code"] == "login"
    assert call(service, **{"X-API-Key": KEY}).status_code == 200
    assert httpx.get(f"{service.url}/health/live").status_code == 200
    assert [one["caller"] for one in service.logged(status=200, route="/convert")] == ["ward-7"]
    assert KEY not in service.log.read_text()


@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o600, False), (0o640, False)])
def test_keys_that_everyone_can_read_are_warned_of(started, tmp_path, mode, warned):
    """Whoever has an account on the machine could call in another's name."""
    keys = tmp_path / "keys"
    keys.write_text(f"ward-7: {KEY}\n")
    keys.chmod(mode)
    service = started("--api-keys", str(keys))
    assert ("chmod 600" in " ".join(service.log.read_text().split())) is warned
    assert KEY not in service.log.read_text()


def test_tokens_are_checked_for_all_that_makes_them_good(started, issuer):
    """A token of another issuer, for another service, expired, or signed by anyone would let in."""
    service = started("--oidc-issuer", issuer.url, "--oidc-audience", "trialbridge", "--oidc-scope", "convert")

    def status(token):
        return call(service, Authorization=f"Bearer {token}").status_code

    assert status(issuer.token()) == 200
    assert call(service, Authorization=f"bearer {issuer.token()}").status_code == 200  # RFC 9110, 11.1: in any case
    assert call(service, Authorization=f"Basic {issuer.token()}").status_code == 401
    now = int(time.time())
    assert status(issuer.token(exp=now - 10)) == 401
    assert status(issuer.token(aud="other")) == 401
    assert status(issuer.token(iss="https://elsewhere.example")) == 401
    assert status(issuer.token(scope="read")) == 403
    assert status(issuer.token(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))) == 401
    unsigned = jwt.encode({"iss": issuer.url, "aud": "trialbridge", "exp": now + 60}, None, algorithm="none")
    assert status(unsigned) == 401
    assert status(issuer.forged()) == 401
    assert status("not.a.token") == 401
    issuer.new_key("second")  # the issuer rolls its keys while the service runs
    assert status(issuer.token("second")) == 200
    assert service.logged(caller="ward-7")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "::"], "Anyone could call this service"),
        (["--oidc-issuer", "http://127.0.0.1:9"], "audience"),
        (["--api-keys", "nokeys"], "no key in the file"),
        (["--api-keys", "short"], "name:key"),
        (["--folder", "nowhere"], "no such folder"),
    ],
)
def test_a_service_that_would_not_be_safe_does_not_start(tmp_path, options, said):
    """A slip in the options would open the service to the whole network."""
    (tmp_path / "nokeys").write_text("# nobody\n")
    (tmp_path / "short").write_text("ward:short\n")
    command = [sys.executable, "-P", "-c", "from trialbridge.cli import main; main()", "serve", "--port", "1", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
