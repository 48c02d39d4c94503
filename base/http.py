"""HTTP that a user asked for: one place for time limits, sizes, retries and proxies.

Retried are broken connections, 429 and 5xx, with growing pauses and the server's own Retry-After; never other 4xx.
Messages name the address without its query and user part: they may hold secrets or patients.
"""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRIED = frozenset({429, 500, 502, 503, 504})
TRIES = 5
LONGEST_PAUSE = 60.0
"""Seconds between two tries at the most, whatever the server asks for."""


def fetch(
    url: str, *, headers: Mapping[str, str] | None = None, most: int = 256 * 1024 * 1024, seconds: float = 60.0
) -> bytes:
    """The body at an address, at the most `most` bytes. Raises UnreadableInputError when it cannot be had."""
    with httpx.Client(timeout=seconds, follow_redirects=True, headers=dict(headers or {})) as client:
        for number in range(1, TRIES + 1):
            try:
                with client.stream("GET", url) as answer:
                    if answer.status_code in RETRIED and number < TRIES:
                        time.sleep(pause(number, answer.headers.get("Retry-After")))
                        continue
                    if answer.status_code != httpx.codes.OK:
                        raise _refused(url, f"the server answered {answer.status_code}")
                    return _body(answer, url, most)
            except httpx.TransportError as error:
                if number == TRIES:
                    raise _refused(url, f"no answer ({type(error).__name__})") from None
                time.sleep(pause(number, None))
    raise AssertionError("every try returns, raises or goes on")


def _body(answer: httpx.Response, url: str, most: int) -> bytes:
    whole = bytearray()
    for block in answer.iter_bytes():
        whole += block
        if len(whole) > most:
            raise _refused(url, f"the answer is larger than {most:,} bytes")
    return bytes(whole)


def pause(number: int, retry_after: str | None) -> float:
    """Seconds to wait after try `number`: what the server asks for, else doubling from half a second with jitter."""
    if retry_after:
        try:
            asked = float(retry_after)
        except ValueError:
            try:
                asked = parsedate_to_datetime(retry_after).timestamp() - time.time()
            except ValueError:
                asked = 0.0
        return min(max(asked, 0.0), LONGEST_PAUSE)
    return min(0.5 * 2.0 ** (number - 1) * random.uniform(0.8, 1.2), LONGEST_PAUSE)  # noqa: S311 - jitter


def shown(url: str) -> str:
    """An address fit for a message: without user, query and fragment."""
    address = httpx.URL(url)
    return f"{address.scheme}://{address.host}{f':{address.port}' if address.port else ''}{address.path}"


def _refused(url: str, why: str) -> UnreadableInputError:
    return UnreadableInputError(
        f"{why[0].upper()}{why[1:]}.", Where(file=shown(url)), "check the address and the network"
    )
