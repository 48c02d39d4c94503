"""What lets us in: a bearer token, a user with a password, or SMART Backend Services.

Sources: RFC 6750, RFC 7617; https://hl7.org/fhir/smart-app-launch/backend-services.html and client-confidential-
asymmetric.html (RFC 7523: an assertion signed with RS384 or ES384, good for five minutes at the most, used once).
Secrets come from files or the environment and never stand in a message.
"""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import uuid4

from trialbridge.base.errors import ServerError, TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import shown
from trialbridge.fhir.jsontext import decode

if TYPE_CHECKING:
    from pathlib import Path

    from trialbridge.base.http import Client

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE = 240  # seconds an assertion is good for; the rule allows 300, clocks differ
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that is given and cannot be renewed."""

    token: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """As RFC 6750, 2.1."""
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self) -> bool:
        """There is no other."""
        return False


@dataclass(frozen=True, slots=True)
class Basic:
    """A user and a password (RFC 7617)."""

    user: str
    password: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """As RFC 7617, 2."""
        joined = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {joined}"}

    def renew(self) -> bool:
        """There is no other."""
        return False


class BackendServices:
    """Tokens of SMART Backend Services, fetched when needed and renewed before they run out; safe for threads.

    `http` reaches the token endpoint and carries no credentials of its own.
    """

    def __init__(self, http: Client, token_url: str, client_id: str, key: Path, scope: str) -> None:
        self._http = http
        self._token_url = token_url
        self._client_id = client_id
        self._signer = _Signer.of(key)
        self._scope = scope
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0
        self.granted = ""

    def headers(self) -> dict[str, str]:
        """With a token that is still good for a while."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._fetch()
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """A new token, for the server refused the one we have."""
        with self._lock:
            self._until = 0.0
        return True

    def _fetch(self) -> None:
        """A new token. Raises ServerError where none is given."""
        answer = None
        for number in range(1, _TRIES + 1):
            form = {
                "grant_type": "client_credentials",
                "scope": self._scope,
                "client_assertion_type": _ASSERTION,
                "client_assertion": self._assertion(),  # a new one each time: it may be used once
            }
            try:
                answer = self._http.send(
                    "POST",
                    self._token_url,
                    headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
                    content=urlencode(form).encode(),
                    repeat=False,
                )
            except ServerError:
                if number == _TRIES:
                    raise
                time.sleep(0.2 * number)
                continue
            if answer.status < 500:
                break
            time.sleep(0.2 * number)
        assert answer is not None
        self._take(answer.status, _object(answer.body))

    def _take(self, status: int, told: dict[str, Any]) -> None:
        if status != 200 or not isinstance(told.get("access_token"), str):
            why = str(told.get("error", "no reason given"))
            message = f"No token is given: the server answered {status} ({why})."
            fix = "check the client id, that the server knows our public key, and the scope asked for"
            raise ServerError(message, Where(file=shown(self._token_url)), fix, status=status)
        self._token = told["access_token"]
        life = _seconds(told.get("expires_in"))
        self._until = time.monotonic() + life - min(30.0, life / 4)
        self.granted = str(told.get("scope", self._scope))

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {"iss": self._client_id, "sub": self._client_id, "aud": self._token_url}
        return self._signer.sign({**claims, "iat": now, "exp": now + _LIFE, "jti": uuid4().hex})


@dataclass(frozen=True, slots=True)
class _Signer:
    """A private key with its algorithm and, if it has one, its id."""

    key: Any = field(repr=False)
    algorithm: str
    kid: str | None

    def sign(self, claims: dict[str, Any]) -> str:
        """The claims as a signed JWT."""
        headers = {"kid": self.kid} if self.kid else {}
        signed: str = _jwt().encode(claims, self.key, algorithm=self.algorithm, headers=headers)
        return signed

    @classmethod
    def of(cls, file: Path) -> _Signer:
        """Of a file: PEM, a JWK, or a set of them. Raises UnreadableInputError."""
        text = file.read_bytes()
        try:
            return cls._of_jwk(decode(text)) if text.lstrip().startswith(b"{") else cls._of_pem(text)
        except (ValueError, TypeError, KeyError, TrialbridgeError, _jwt().PyJWTError):
            fix = "give an RSA key, or an EC key on P-384, as PEM or JWK, without a password"
            raise UnreadableInputError("This is no private key SMART can use.", Where(file=str(file)), fix) from None

    @classmethod
    def _of_pem(cls, text: bytes) -> _Signer:
        serialization = import_module("cryptography.hazmat.primitives.serialization")
        return cls._of_key(serialization.load_pem_private_key(text, password=None), None)

    @classmethod
    def _of_jwk(cls, told: dict[str, Any]) -> _Signer:
        private = next(one for one in told.get("keys", [told]) if "d" in one) if _holds(told) else {}
        return cls._of_key(
            _jwt().PyJWK({**private, "alg": private.get("alg") or _named(private)}).key, private.get("kid")
        )

    @classmethod
    def _of_key(cls, key: Any, kid: str | None) -> _Signer:
        curve = getattr(getattr(key, "curve", None), "name", None)
        if curve is None and getattr(key, "key_size", 0) < 2048:
            raise ValueError
        if curve not in (None, "secp384r1"):
            raise ValueError
        return cls(key, "RS384" if curve is None else "ES384", kid)


def _holds(told: dict[str, Any]) -> bool:
    return any("d" in one for one in told.get("keys", [told]))


def _named(jwk: dict[str, Any]) -> str:
    return "ES384" if jwk.get("kty") == "EC" else "RS384"


def _jwt() -> Any:
    """PyJWT, which only SMART needs. Raises TrialbridgeError where it is not installed."""
    try:
        return import_module("jwt")
    except ModuleNotFoundError:
        fix = "install the extra: trialbridge[smart]"
        raise TrialbridgeError("SMART Backend Services needs PyJWT with cryptography.", fix=fix) from None


def discover(http: Client, base_url: str, stated: str | None) -> tuple[str, frozenset[str]]:
    """Where a server gives tokens, and what its SMART configuration says it is capable of.

    `stated` is what its CapabilityStatement says, for servers of SMART's first version. Raises ServerError.
    """
    url = f"{base_url.rstrip('/')}/.well-known/smart-configuration"
    answer = http.send("GET", url, headers={"Accept": "application/json"})
    told = _object(answer.body) if answer.status == 200 else {}
    found = told.get("token_endpoint", stated)
    if not isinstance(found, str):
        message = "The server does not say where it gives tokens."
        raise ServerError(message, Where(file=shown(url)), "give --smart-token-url, or use --bearer-token")
    listed = told.get("capabilities")
    return found, frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()


def scope_for(*, write: bool, capable: frozenset[str]) -> str:
    """The scope to ask for: of SMART's second version, or of the first where the server knows no other.

    >>> scope_for(write=False, capable=frozenset())
    'system/*.rs'
    >>> scope_for(write=True, capable=frozenset({"permission-v1"}))
    'system/*.*'
    """
    if "permission-v1" in capable and "permission-v2" not in capable:
        return "system/*.*" if write else "system/*.read"
    return "system/*.cruds" if write else "system/*.rs"


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = decode(body)
    except UnreadableInputError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: Any) -> float:
    """`expires_in`; five minutes where it is missing, as SMART recommends at the most."""
    try:
        return max(float(value), 0.0)
    except (TypeError, ValueError):
        return 300.0
