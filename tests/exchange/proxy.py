"""A proxy on loopback that stands before a server and does what networks do: cuts, delays, errors, half answers.

`plan(number, method, path)` says what befalls a request, numbered from 1: None (nothing), or one of the functions below.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


def status(code, headers=None, body=b"", kind="application/fhir+json"):
    """Answer this in the server's place; the server hears nothing."""
    return lambda handler, _send: handler.reply(code, {"Content-Type": kind, **(headers or {})}, body)


def cut(handler, _send) -> None:
    """Close the connection; the server hears nothing."""
    handler.close()


def cut_after(handler, send) -> None:
    """The server does it, the answer is lost."""
    send()
    handler.close()


def half(handler, send) -> None:
    """The server does it, half of the answer arrives."""
    code, headers, body = send()
    handler.reply(code, headers, body, most=len(body) // 2)


def slow(seconds):
    """The server does it, the answer comes late."""

    def wait(handler, send) -> None:
        answer = send()
        time.sleep(seconds)
        handler.reply(*answer)

    return wait


def instead(code, body, kind="application/fhir+json"):
    """The server does it, and says something else."""

    def lie(handler, send) -> None:
        send()
        handler.reply(code, {"Content-Type": kind}, body)

    return lie


def changed(change):
    """The server's answer as `change(body)` makes it."""

    def edit(handler, send) -> None:
        code, headers, body = send()
        handler.reply(code, headers, change(body))

    return edit


def first(call, then=None):
    """Call something before the server hears of it; then another fault, or none."""

    def run(handler, send) -> None:
        call()
        (then or passed)(handler, send)

    return run


def after(call):
    """The server does it, something is called, the connection closes."""

    def run(handler, send) -> None:
        send()
        call()
        handler.close()

    return run


def passed(handler, send) -> None:
    """Nothing befalls it."""
    handler.reply(*send())


class Proxy:
    """The proxy's plan and what passed it: (method, path) each."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.plan = lambda number, method, path: None
        self.seen = []
        self.lock = threading.Lock()
        self.url = ""

    def note(self, method, path):
        """Number a request; its fate."""
        with self.lock:
            self.seen.append((method, path))
            number = len(self.seen)
        return self.plan(number, method, path)


def _handler(proxy: Proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fate = proxy.note(self.command, self.path) or passed
            fate(self, lambda: self._sent(body))

        def _sent(self, body):
            """What the server answers; its own addresses become ours."""
            there = http.client.HTTPConnection(proxy.upstream.hostname, proxy.upstream.port, timeout=60)
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in ("host", "accept-encoding")
            }
            ours, theirs = urlsplit(proxy.url), proxy.upstream
            try:
                there.request(self.command, self.path, body or None, headers)
                answer = there.getresponse()
                content = answer.read().replace(theirs.netloc.encode(), ours.netloc.encode())
                told = {
                    k: v.replace(theirs.netloc, ours.netloc) for k, v in answer.getheaders() if k.lower() not in _HOP
                }
            except (OSError, http.client.HTTPException):
                return 502, {}, b""
            else:
                return answer.status, told, content
            finally:
                there.close()

        def reply(self, code, headers, body, most=None) -> None:
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:most])
            if most is not None:
                self.close()

        def close(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815 - the library's names

        def log_message(self, *_) -> None:
            """Nothing."""

    return Handler


@contextmanager
def standing_before(upstream: str):
    """A proxy before a server's base URL while the block runs; it ends by itself."""
    proxy = Proxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}{proxy.upstream.path}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
