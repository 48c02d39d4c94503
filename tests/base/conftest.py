"""A server on loopback that answers as a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trialbridge.base import http as http_module

CUT = object()
"""In place of an answer: the connection is closed without one."""


class Scripted:
    """The answers to come, one a request, the last one for ever: (status, headers, body) or CUT."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.asked = []
        self.lock = threading.Lock()

    def next(self, request):
        """Note a request (method, path, headers, body); its answer."""
        with self.lock:
            self.asked.append(request)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(script: Scripted):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = script.next((self.command, self.path, dict(self.headers), body))
            if callable(answer):
                answer = answer(self)
            if answer is CUT:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            if headers.get("Connection") == "close" or len(content) < int(headers.get("Content-Length", 0)):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_CONNECT = _answer  # noqa: N815 - the library's names

        def log_message(self, *_) -> None:
            """Nothing."""

    return Handler


@contextmanager
def serving(script: Scripted, context=None):
    """The script's server while the block runs; its address. With an ssl context it speaks HTTPS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def scripted():
    """Give the address and the script of a server, as a context manager that takes its answers."""

    @contextmanager
    def made(*answers, context=None):
        script = Scripted(*answers)
        with serving(script, context) as url:
            yield url, script

    return made


@pytest.fixture
def naps(monkeypatch):
    """The pauses that were made between tries, none of them waited for."""
    made = []
    monkeypatch.setattr(http_module.time, "sleep", made.append)
    return made


@pytest.fixture
def cut():
    """See CUT."""
    return CUT
