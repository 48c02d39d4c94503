"""When a request is tried again, and after how long: RFC 9110 sections 9.2.2 and 10.2.3, RFC 6585 section 4."""

from __future__ import annotations

import random
import ssl
import time
from email.utils import parsedate_to_datetime

import httpx

RETRIED = frozenset({429, 500, 502, 503, 504})
UNBEGUN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Errors after which the server cannot have begun with the request."""
LONGEST = 60.0


def pause(number: int, retry_after: str | None, longest: float = LONGEST) -> float:
    """Seconds to wait after try `number`: what the server asks for, else doubling from half a second with jitter.

    >>> pause(1, "3"), pause(1, "3600"), pause(1, "0")
    (3.0, 60.0, 0.0)
    >>> 0.8 <= pause(2, None) <= 1.2
    True
    """
    asked = _asked(retry_after) if retry_after else None
    if asked is not None:
        return min(max(asked, 0.0), longest)
    return min(0.5 * 2.0 ** (number - 1) * random.uniform(0.8, 1.2), longest)  # noqa: S311 - waits are spread, nothing is kept secret


def _asked(retry_after: str) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None for neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    return seconds if seconds == seconds else None  # noqa: PLR0124 - NaN is a number to float()


def hopeless(error: httpx.TransportError) -> bool:
    """Whether trying again would fail alike: an address that is none, a certificate nobody trusts."""
    return isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError) or untrusted(error)


def untrusted(error: BaseException | None) -> bool:
    """Whether a connection failed because the server's certificate could not be verified."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
