"""`base.http`: what is tried again and what never, limits, redirects, credentials, files that go on after a break."""

from __future__ import annotations

import gzip

import pytest

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.http import Client, Settings, fetch, shown
from trialbridge.base.http_retry import pause

OK = (200, {}, b"fine")


class Key:
    """An authorization whose credential changes with each renewal."""

    def __init__(self) -> None:
        self.number = 0

    def headers(self):
        """The credential in use."""
        return {"Authorization": f"Bearer {self.number}"}

    def renew(self) -> bool:
        """The next one."""
        self.number += 1
        return True


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_asked_again(scripted, naps, status):
    """A passing overload would end a night's transfer."""
    with scripted((status, {"Retry-After": "7"}, b""), OK) as (url, script):
        assert fetch(url) == b"fine"
        assert naps == [7.0]
        assert len(script.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 412, 422])
def test_refusals_are_never_tried_again(scripted, naps, status):
    """A wrong request repeated would lock an account, or do harm twice."""
    with scripted((status, {}, b"no"), OK) as (url, script), Client(url) as client:
        assert client.send("GET", url).status == status
        assert len(script.asked) == 1
        assert naps == []


def test_five_tries_are_all(scripted, naps):
    """A server that is down for good would be asked for ever."""
    with scripted((503, {}, b"")) as (url, script):
        with pytest.raises(UnreadableInputError, match="answered 503"):
            fetch(url)
        assert len(script.asked) == 5
    assert [round(one, 1) > 0 for one in naps] == [True] * 4
    assert naps == sorted(naps)


def test_broken_connections_are_mended(scripted, naps, cut):
    """A cut line would lose a request that may well be repeated."""
    with scripted(cut, cut, OK) as (url, _):
        assert fetch(url) == b"fine"


def test_what_may_have_been_done_is_not_done_twice(scripted, naps, cut):
    """A POST whose answer was lost would be sent again, and a record made twice."""
    with scripted(cut, OK) as (url, script), Client(url) as client:
        with pytest.raises(ServerError) as raised:
            client.send("POST", url, content=b"{}", repeat=False)
        assert raised.value.uncertain
        assert len(script.asked) == 1


def test_unrepeatable_requests_wait_for_a_free_server(scripted, naps):
    """429 says that nothing was done: giving up would be needless. 503 does not say so."""
    with scripted((429, {"Retry-After": "2"}, b""), (503, {}, b"")) as (url, script), Client(url) as client:
        assert client.send("POST", url, content=b"{}", repeat=False).status == 503
        assert naps == [2.0]
        assert len(script.asked) == 2


def test_nobody_there(naps):
    """A wrong port would end in a traceback, or hide that nothing was sent."""
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServerError) as raised:
        client.send("POST", "http://127.0.0.1:9/x?secret=1", content=b"", repeat=False)
    assert not raised.value.uncertain
    assert "secret" not in str(raised.value)
    assert len(naps) == 4


def test_size_is_limited_unpacked(scripted):
    """A packed bomb would fill the memory."""
    bomb = gzip.compress(b"0" * 5_000_000)
    with scripted((200, {"Content-Encoding": "gzip"}, bomb)) as (url, _):
        with pytest.raises(UnreadableInputError, match="larger than 1,000,000 bytes"):
            fetch(url, most=1_000_000)
        assert len(fetch(url)) == 5_000_000


def test_a_dripping_server_is_left(scripted):
    """A server that sends a byte now and then would hold us for ever."""

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b".")
            handler.wfile.flush()
            handler.server.socket.settimeout(None)
            __import__("threading").Event().wait(0.02)
        return 200, {}, b""

    with scripted(drip) as (url, _), Client(url, Settings(whole=0.2)) as client, pytest.raises(ServerError) as raised:
        client.send("GET", url)
    assert "takes longer" in str(raised.value)


def test_silence_is_limited(scripted, naps):
    """A server that accepts and says nothing would hold us for ever."""

    def silent(handler):
        __import__("threading").Event().wait(0.6)
        return 200, {}, b"late"

    settings = Settings(seconds=0.1, tries=2)
    with scripted(silent) as (url, script), Client(url, settings) as client, pytest.raises(ServerError) as raised:
        client.send("GET", url)
    assert "ReadTimeout" in str(raised.value)
    assert len(script.asked) == 2


def test_credentials_stay_at_home(scripted):
    """A redirect or a link to another host would hand our token to a stranger."""
    with scripted(OK) as (elsewhere, other), scripted((302, {"Location": elsewhere + "/x"}, b"")) as (url, script):
        with Client(url, authorization=Key()) as client:
            assert client.send("GET", url).body == b"fine"
            assert client.send("GET", elsewhere).body == b"fine"
        assert script.asked[0][2]["Authorization"] == "Bearer 0"
        assert all("Authorization" not in headers for _, _, headers, _ in other.asked)


def test_posts_are_not_redirected(scripted):
    """A write would quietly become a read at another address."""
    with scripted((302, {"Location": "/x"}, b""), OK) as (url, script), Client(url) as client:
        assert client.send("POST", url, content=b"{}").status == 302
        assert len(script.asked) == 1


def test_redirects_end(scripted):
    """A ring of redirects would be followed for ever."""
    with scripted((302, {"Location": "/x"}, b"")) as (url, _), Client(url) as client, pytest.raises(ServerError):
        client.send("GET", url)


def test_an_expired_token_is_renewed_once(scripted, naps):
    """A transfer longer than a token's life would fail half-way; a wrong key would be tried on and on."""
    with scripted((401, {}, b""), OK) as (url, script), Client(url, authorization=Key()) as client:
        assert client.send("POST", url, content=b"{}", repeat=False).body == b"fine"
        assert [headers["Authorization"] for _, _, headers, _ in script.asked] == ["Bearer 0", "Bearer 1"]
    with scripted((401, {}, b"")) as (url, script), Client(url, authorization=Key()) as client:
        assert client.send("GET", url).status == 401
        assert len(script.asked) == 2


def test_every_try_is_told(scripted, naps, cut):
    """An audit log would not show what was really sent."""
    told = []
    with scripted(cut, (503, {}, b""), OK) as (url, _), Client(url, watch=told.append) as client:
        client.send("PUT", url, content=b"12345")
    assert [(one.status, one.number, one.sent, bool(one.error)) for one in told] == [
        (None, 1, 5, True),
        (503, 2, 5, False),
        (200, 3, 5, False),
    ]
    assert told[-1].received == 4


def test_a_download_goes_on_where_it_broke(scripted, naps, tmp_path):
    """A file of gigabytes would begin anew at each cut, and never end on a bad line."""
    whole = bytes(range(256)) * 1000
    head = (200, {"ETag": '"v1"', "Content-Length": str(len(whole))}, whole[:100_000])
    rest = (206, {"ETag": '"v1"', "Content-Range": "bytes 100000-255999/256000"}, whole[100_000:])
    with scripted(head, rest) as (url, script), Client(url) as client:
        assert client.download(url, tmp_path / "file").status == 206
    assert (tmp_path / "file").read_bytes() == whole
    assert script.asked[1][2]["Range"] == "bytes=100000-"
    assert script.asked[1][2]["If-Range"] == '"v1"'


def test_another_part_is_not_patched_in(scripted, naps, tmp_path):
    """A server that answers another range would give a file with a hole."""
    head = (200, {"ETag": '"v1"', "Content-Length": "1000"}, b"a" * 500)
    wrong = (206, {"ETag": '"v1"', "Content-Range": "bytes 600-999/1000"}, b"a" * 400)
    with scripted(head, wrong, (200, {}, b"a" * 1000)) as (url, script), Client(url) as client:
        client.download(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"a" * 1000
    assert "Range" not in script.asked[2][2]


def test_a_changed_file_is_not_patched_together(scripted, naps, tmp_path):
    """Half of one version and half of the next would pass for a file."""
    head = (200, {"ETag": '"v1"', "Content-Length": "1000"}, b"a" * 500)
    with scripted(head, (200, {"ETag": '"v2"'}, b"b" * 300)) as (url, _), Client(url) as client:
        client.download(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"b" * 300


@pytest.mark.parametrize("head", [{"ETag": 'W/"v1"'}, {}, {"ETag": '"v1"', "Content-Encoding": "gzip"}])
def test_a_download_that_cannot_go_on_begins_anew(scripted, naps, tmp_path, head):
    """Without a strong validator (RFC 9110, 13.1.5), or of bytes that were unpacked, the rest may be of another file."""
    cut = (
        200,
        {**head, "Content-Length": "1000"},
        gzip.compress(b"a" * 900)[:20] if "Content-Encoding" in head else b"a",
    )
    with scripted(cut, (200, {}, b"b" * 1000)) as (url, script), Client(url) as client:
        client.download(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"b" * 1000
    assert "Range" not in script.asked[1][2]


def test_refused_downloads_make_no_file(scripted, tmp_path):
    """An error page would pass for data."""
    with scripted((404, {}, b"no such file")) as (url, _), Client(url) as client:
        answer = client.download(url, tmp_path / "file")
    assert (answer.status, answer.body) == (404, b"no such file")
    assert not (tmp_path / "file").exists()


def test_a_proxy_is_used(scripted):
    """In a hospital nothing goes out but by the proxy."""
    with scripted(OK) as (proxy, script):
        with Client("http://fhir.example/", Settings(proxy=proxy)) as client:
            assert client.send("GET", "http://fhir.example/metadata").body == b"fine"
        assert script.asked[0][1] == "http://fhir.example/metadata"


def test_addresses_are_shown_without_secrets():
    """A message would hold a password or a patient's number."""
    assert (
        shown("https://me:secret@h.example:8443/fhir/Patient?identifier=123#x") == "https://h.example:8443/fhir/Patient"
    )


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("0", 0.0), ("2.5", 2.5), ("-3", 0.0), ("9999", 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after_is_kept_within_bounds(asked, seconds):
    """A server could stop us for a day, or make us hammer it."""
    assert pause(1, asked) == seconds


@pytest.mark.parametrize("asked", ["soon", "nan", ""])
def test_retry_after_that_is_none(asked):
    """A broken header would be a crash."""
    assert 0.4 <= pause(1, asked) <= 0.6
