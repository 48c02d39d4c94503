"""HTTP that a user asked for: one place for time limits, sizes, retries, proxies and certificates.

`fetch` gets one address; a `Client` holds a connection to a server over many requests. Retried are broken connections,
429 and 5xx, with growing pauses and the server's own Retry-After; never other 4xx. A request that must not be done
twice (`repeat=False`) is tried again only where the server cannot have begun it. Messages name an address without its
query and user part: they may hold secrets or patients. Proxies come from the settings, else from the environment
(HTTPS_PROXY, NO_PROXY).
"""

from __future__ import annotations

import ssl
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol, Self

import httpx

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.base.http_retry import RETRIED, UNBEGUN, hopeless, pause, untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

_MOVED = frozenset({301, 302, 303, 307, 308})
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and ways of a `Client`.

    `seconds` is the longest wait for a connection or for the next bytes, `whole` for one whole answer; `most` the
    largest answer held in memory, in bytes, unpacked. `longest` is the longest pause between two tries, whatever the
    server asks for. `ca` is a file of certificates to trust, `certificate` and `key` are ours (mutual TLS).
    """

    seconds: float = 60.0
    whole: float = 600.0
    most: int = 256 * 1024 * 1024
    tries: int = 5
    longest: float = 60.0
    proxy: str | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: status, headers (names in any case), the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one request, for a log: `status` None where no answer came, `error` then names what happened."""

    method: str
    url: str = field(repr=False)
    status: int | None
    seconds: float
    sent: int
    received: int
    number: int
    error: str = ""


class Authorization(Protocol):
    """What lets us in: headers of each request, and whether a refusal (401) is worth another try."""

    def headers(self) -> Mapping[str, str]:
        """The headers to send with a request."""

    def renew(self) -> bool:
        """Get new credentials after a 401; False where there are none."""


class Client:
    """Requests to one server, over connections kept open; safe for several threads. Close it, or use `with`.

    Credentials go to addresses of the same origin as `home` only, and never along with a redirect to another host.
    """

    def __init__(
        self,
        home: str,
        settings: Settings | None = None,
        authorization: Authorization | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        watch: Callable[[Try], None] | None = None,
    ) -> None:
        self.home = httpx.URL(home)
        self.settings = settings or Settings()
        self._authorization = authorization
        self._watch = watch or (lambda _: None)
        self._client = httpx.Client(
            timeout=self.settings.seconds,
            headers=dict(headers or {}),
            proxy=self.settings.proxy,
            verify=_trust(self.settings),
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeat: bool = True,
    ) -> Answer:
        """One request; the answer whatever its status. Raises ServerError where none comes or it is too large or slow.

        With `repeat` False the request is not sent again once the server may have begun with it: the error's
        `uncertain` then says that nobody knows whether it was done.
        """
        return self._tried(method, url, headers, content, self._whole, repeat=repeat)

    def download(self, url: str, target: Path, *, headers: Mapping[str, str] | None = None) -> Answer:
        """The body at an address into a file, a block at a time; the answer without its body.

        After a broken connection it goes on where it stopped, if the server allows (Range with If-Range), else from
        the start. Only an answer of 200 or 206 touches the file.
        """
        saved = _Saved(target)
        return self._tried("GET", url, headers, None, saved.take, repeat=True, ask=saved.asked)

    # --- tries --------------------------------------------------------------------------------------------------------

    def _tried(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        read: Callable[[httpx.Response], bytes],
        *,
        repeat: bool,
        ask: Callable[[], Mapping[str, str]] = dict,
    ) -> Answer:
        renewed = False
        for number in range(1, self.settings.tries + 1):
            last = number == self.settings.tries
            try:
                answer = self._once(method, url, {**(headers or {}), **ask()}, content, read, number)
            except httpx.TransportError as error:
                begun = not isinstance(error, UNBEGUN)
                if last or hopeless(error) or (begun and not repeat):
                    raise _silent(url, error, uncertain=begun and not repeat) from None
                time.sleep(pause(number, None, self.settings.longest))
                continue
            if answer.status == httpx.codes.UNAUTHORIZED and not renewed and self._trusted(url):
                renewed = self._authorization is not None and self._authorization.renew()
                if renewed and not last:
                    continue
            if last or answer.status not in RETRIED or not (repeat or answer.status == httpx.codes.TOO_MANY_REQUESTS):
                return answer
            time.sleep(pause(number, answer.headers.get("Retry-After"), self.settings.longest))
        raise AssertionError("the last try returns or raises")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        read: Callable[[httpx.Response], bytes],
        number: int,
    ) -> Answer:
        """One try, told to the watcher."""
        begun = time.monotonic()
        status, received, wrong = None, 0, ""
        try:
            with self._stream(method, url, headers, content) as answer:
                status = answer.status_code
                body = read(answer)
                received = answer.num_bytes_downloaded
                return Answer(status, answer.headers, body, str(answer.url))
        except (httpx.TransportError, ServerError) as error:
            wrong = type(error).__name__
            raise
        except httpx.DecodingError as error:  # a packed body that is broken: as good as cut
            wrong = type(error).__name__
            raise httpx.RemoteProtocolError("the body does not unpack") from error
        finally:
            spent = time.monotonic() - begun
            self._watch(Try(method, url, status, spent, len(content or b""), received, number, wrong))

    @contextmanager
    def _stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Iterator[httpx.Response]:
        """The answer, a GET followed over at most five redirects; credentials at home only."""
        at = url
        for _ in range(5):
            allowed = self._authorization.headers() if self._authorization and self._trusted(at) else {}
            with self._client.stream(method, at, headers={**headers, **allowed}, content=content) as answer:
                if answer.status_code not in _MOVED or method != "GET" or "Location" not in answer.headers:
                    yield answer
                    return
                at = str(answer.url.join(answer.headers["Location"]))
        raise _refused(url, "the address is redirected over and over")

    def _trusted(self, url: str) -> bool:
        """Whether an address is of the home's origin."""
        return origin(url) == origin(str(self.home))

    def _whole(self, answer: httpx.Response) -> bytes:
        """The whole body, within the limits of size and time."""
        until = time.monotonic() + self.settings.whole
        whole = bytearray()
        for block in _blocks(answer):
            whole += block
            if len(whole) > self.settings.most:
                raise _refused(str(answer.url), f"the answer is larger than {self.settings.most:,} bytes")
            if time.monotonic() > until:
                raise _refused(str(answer.url), f"the answer takes longer than {self.settings.whole:,.0f} seconds")
        return bytes(whole)


def _blocks(answer: httpx.Response) -> Iterator[bytes]:
    """The body, unpacked. Raises RemoteProtocolError where a gzip body ends early, of which httpx says nothing."""
    if answer.headers.get("Content-Encoding", "").strip().lower() not in {"gzip", "x-gzip"}:
        yield from answer.iter_bytes()
        return
    unpacker, fed = zlib.decompressobj(wbits=31), False
    try:
        for raw in answer.iter_raw():
            block = raw
            while block:
                if unpacker.eof:  # another member follows
                    unpacker = zlib.decompressobj(wbits=31)
                yield unpacker.decompress(block, _BLOCK * 16)
                fed, block = True, unpacker.unconsumed_tail or unpacker.unused_data
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if fed and not unpacker.eof:
        raise httpx.RemoteProtocolError("the packed body ends early")


class _Saved:
    """A file that is downloaded, and how to go on with it after a break."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._mark: str | None = None  # a strong ETag: what is there is the beginning of that body
        self._have = 0

    def asked(self) -> dict[str, str]:
        """Headers that ask for the rest."""
        if not (self._mark and self._have):
            return {}
        return {"Range": f"bytes={self._have}-", "If-Range": self._mark, "Accept-Encoding": "identity"}

    def take(self, answer: httpx.Response) -> bytes:
        """Write the body to the file."""
        if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            return answer.read()[:_BLOCK]
        goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
        if goes_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {self._have}-"):
            self._mark = None  # not the rest we asked for: begin anew
            raise httpx.RemoteProtocolError("the server sent another part of the file")
        if not goes_on:
            tag = answer.headers.get("ETag", "")
            plain = "Content-Encoding" not in answer.headers
            self._mark = tag if tag.startswith('"') and plain else None
            self._have = 0
        with self._target.open("r+b" if goes_on else "wb") as file:
            file.seek(self._have)
            file.truncate()
            self._write(answer, file)
        return b""

    def _write(self, answer: httpx.Response, file: BinaryIO) -> None:
        for block in _blocks(answer):
            file.write(block)
            self._have += len(block)


def fetch(
    url: str, *, headers: Mapping[str, str] | None = None, most: int = 256 * 1024 * 1024, seconds: float = 60.0
) -> bytes:
    """The body at an address, at the most `most` bytes. Raises UnreadableInputError when it cannot be had."""
    with Client(url, Settings(seconds=seconds, most=most), headers=headers) as client:
        try:
            answer = client.send("GET", url)
        except ServerError as error:
            raise UnreadableInputError(error.message, error.where, error.fix) from None
    if answer.status != httpx.codes.OK:
        raise UnreadableInputError(
            f"The server answered {answer.status}.", Where(file=shown(url)), "check the address and the network"
        )
    return answer.body


def shown(url: str) -> str:
    """An address fit for a message: without user, query and fragment."""
    address = httpx.URL(url)
    return f"{origin(url)}{address.path}"


def origin(url: str) -> str:
    """`https://host:port` of an address, the port only where it is not the scheme's own."""
    address = httpx.URL(url)
    return f"{address.scheme}://{address.host}{f':{address.port}' if address.port else ''}"


@cache
def _authorities() -> ssl.SSLContext:
    """The authorities everybody trusts, read once: it takes a tenth of a second."""
    return httpx.create_ssl_context()


def _trust(settings: Settings) -> ssl.SSLContext:
    """Whom we trust and who we are. Raises UnreadableInputError where a certificate cannot be read."""
    if settings.ca is None and settings.certificate is None:
        return _authorities()
    at = settings.ca
    try:
        context = ssl.create_default_context(cafile=at)
        if settings.certificate is not None:
            at = settings.certificate
            context.load_cert_chain(at, settings.key, settings.password)
    except OSError as error:  # ssl's own errors are among them
        why = "There is no such file." if isinstance(error, FileNotFoundError) else "This is no usable certificate."
        raise UnreadableInputError(
            why, Where(file=str(at)), "give PEM files; the key must fit the certificate"
        ) from None
    return context


def _silent(url: str, error: httpx.TransportError, *, uncertain: bool) -> ServerError:
    where = Where(file=shown(url))
    if untrusted(error):
        why = "The server's certificate is signed by nobody we trust, or is not for this host."
        return ServerError(why, where, "give the certificate of your own authority, or mend the address")
    why = f"No answer came ({type(error).__name__})."
    return ServerError(why, where, "check the address and the network", uncertain=uncertain)


def _refused(url: str, why: str) -> ServerError:
    return ServerError(f"{why[0].upper()}{why[1:]}.", Where(file=shown(url)), "check the address, or raise the limit")
