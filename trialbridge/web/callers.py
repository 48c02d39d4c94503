"""Who may call: by API key (`X-API-Key`), or by the bearer token of an OpenID Connect issuer.

Keys are compared by their SHA-256 in constant time. Tokens are checked for signature (RS, ES and PS algorithms only),
issuer, audience, expiry and scope (RFC 7519, RFC 8725; OpenID Connect Core 1.0, 3.1.3.7). The name of the caller, never
the key or token, goes to the log.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import TrialbridgeError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http import fetch
from trialbridge.web.outcomes import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trialbridge.web.settings import Oidc, Settings

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_SHORTEST_KEY = 16


class Gate:
    """Lets callers in, or raises RefusedError(401 or 403). Made once; `open_up` fetches the issuer's keys."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: dict[str, Any] = {}

    def open_up(self) -> None:
        """Fetch the issuer's keys. Raises TrialbridgeError."""
        oidc = self._settings.oidc
        if oidc is not None:
            self._tokens = issuer_keys(oidc)

    def let_in(self, headers: Mapping[str, str]) -> str:
        """The caller's name."""
        if self._settings.open:
            return "anyone"
        key = headers.get("x-api-key")
        if key is not None and self._settings.keys:
            return self._by_key(key)
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token and self._settings.oidc is not None:
            return self._by_token(token.strip(), self._settings.oidc)
        ways = " or ".join(
            way
            for way, there in (("X-API-Key", bool(self._settings.keys)), ("a bearer token", bool(self._settings.oidc)))
            if there
        )
        raise RefusedError(401, "The caller is not known.", f"send {ways}", {"WWW-Authenticate": "Bearer"})

    def _by_key(self, key: str) -> str:
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        found = ""
        for known, name in self._settings.keys.items():
            if hmac.compare_digest(known, digest):
                found = name
        if not found:
            raise RefusedError(401, "This API key is not known.", "ask the operator for one")
        return found

    def _by_token(self, token: str, oidc: Oidc) -> str:
        import jwt  # noqa: PLC0415 - only where tokens are taken

        try:
            number = jwt.get_unverified_header(token).get("kid", "")
            key = self._tokens.get(number) or self._renewed(oidc).get(number)
            if key is None:
                raise RefusedError(
                    401, "The token is signed by a key that the issuer does not publish.", "get a new token"
                )
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=oidc.audience,
                issuer=oidc.issuer,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise RefusedError(401, "The token has expired.", "get a new token") from None
        except jwt.InvalidTokenError:
            raise RefusedError(401, "The token is not valid here.", "get one for this service's audience") from None
        if oidc.scope and oidc.scope not in str(claims.get("scope", "")).split():
            raise RefusedError(403, "The token lacks the scope.", f"ask the issuer for {oidc.scope}")
        return str(claims.get("client_id") or claims.get("azp") or "token")

    def _renewed(self, oidc: Oidc) -> dict[str, Any]:
        """The issuer's keys anew, for it may have changed them."""
        try:
            self._tokens = issuer_keys(oidc)
        except TrialbridgeError:
            raise RefusedError(503, "The issuer's keys cannot be had just now.", "try again later") from None
        return self._tokens


def issuer_keys(oidc: Oidc) -> dict[str, Any]:
    """The issuer's public keys by kid, by discovery unless their address is given. Raises UnreadableInputError."""
    import jwt  # noqa: PLC0415 - only where tokens are taken

    where = Where(file=oidc.issuer)
    try:
        address = oidc.jwks_url
        if address is None:
            told = json.loads(fetch(oidc.issuer.rstrip("/") + "/.well-known/openid-configuration", most=1 << 20))
            address = str(told["jwks_uri"])
        listed = json.loads(fetch(address, most=1 << 20))["keys"]
        return {str(one.get("kid", "")): jwt.PyJWK(one).key for one in listed if one.get("use", "sig") == "sig"}
    except (ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
        message = f"The issuer's answer is not understood ({type(error).__name__})."
        raise UnreadableInputError(message, where, "check the issuer's address") from None


def open_to_others(file: Path) -> bool:
    """Whether whoever has an account on this machine may read a file of keys."""
    return bool(file.stat().st_mode & stat.S_IROTH)


def read_keys(file: Path) -> dict[str, str]:
    """API keys of a file, one `name:key` a line (# begins a comment), as SHA-256 -> name. Raises UnreadableInputError."""
    found: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, _, key = text.partition(":")
        if not name.strip() or len(key.strip()) < _SHORTEST_KEY:
            where = Where(file=str(file), line=number)
            raise UnreadableInputError(
                "This is no `name:key`.", where, f"a key has {_SHORTEST_KEY} characters at the least"
            )
        found[hashlib.sha256(key.strip().encode()).hexdigest()] = name.strip()
    if not found:
        raise UnreadableInputError("There is no key in the file.", Where(file=str(file)), "write one `name:key` a line")
    return found
