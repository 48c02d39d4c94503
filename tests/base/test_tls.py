"""`base.http` over TLS: own authorities, our certificate (mutual TLS), and servers nobody vouches for.

The authority and the certificates are made here by `cryptography`, for 127.0.0.1 and one day.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trialbridge.base.errors import ServerError, UnreadableInputError
from trialbridge.base.http import Client, Settings

OK = (200, {}, b"fine")
_USAGES = (
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
    "encipher_only decipher_only"
).split()


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _issued(name, key, issuer, signer, *, authority):
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    if authority:  # Python 3.13 checks by RFC 5280: an authority says that it signs certificates
        usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        built = built.add_extension(x509.KeyUsage(**usage), critical=True)
    return built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _pem(key, password=None):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """A folder with ca.pem, server.pem, client.pem and the keys; the client's key is locked with `open sesame`."""
    folder = tmp_path_factory.mktemp("tls")
    root, server, client = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    (folder / "ca.pem").write_bytes(_issued("test root", root, "test root", root, authority=True))
    (folder / "server.pem").write_bytes(_issued("server", server, "test root", root, authority=False))
    (folder / "client.pem").write_bytes(_issued("client", client, "test root", root, authority=False))
    (folder / "server.key").write_bytes(_pem(server))
    (folder / "client.key").write_bytes(_pem(client, b"open sesame"))
    return folder


@pytest.fixture
def strict(papers):
    """A server's context that asks for a certificate of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers / "server.pem", papers / "server.key")
    context.load_verify_locations(papers / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_mutual_tls(scripted, papers, strict):
    """A server that asks for a certificate could not be reached."""
    settings = Settings(
        ca=papers / "ca.pem",
        certificate=papers / "client.pem",
        key=papers / "client.key",
        password="open sesame",  # noqa: S106 - of a key made a moment ago
    )
    with scripted(OK, context=strict) as (url, _), Client(url, settings) as client:
        assert client.send("GET", url).body == b"fine"


def test_without_our_certificate(scripted, papers, strict, naps):
    """A missing certificate would look like a good connection."""
    with scripted(OK, context=strict) as (url, script):
        with Client(url, Settings(ca=papers / "ca.pem", tries=2)) as client, pytest.raises(ServerError):
            client.send("GET", url)
        assert script.asked == []


def test_an_unknown_authority_is_said_at_once(scripted, strict, naps):
    """Data would go to anyone who answers; or the user would wait through five tries and not know why."""
    with scripted(OK, context=strict) as (url, script), Client(url) as client, pytest.raises(ServerError) as raised:
        client.send("POST", url, content=b"data")
    assert "signed by nobody we trust" in str(raised.value)
    assert naps == []
    assert script.asked == []


def test_broken_papers_are_named(papers, tmp_path):
    """A wrong file would be a traceback of the ssl library."""
    (tmp_path / "no.pem").write_text("nothing")
    for settings in (Settings(ca=tmp_path / "no.pem"), Settings(certificate=tmp_path / "gone.pem")):
        with pytest.raises(UnreadableInputError, match=r"no\.pem|gone\.pem"):
            Client("https://127.0.0.1", settings)
    wrong = Settings(certificate=papers / "client.pem", key=papers / "client.key", password="wrong")  # noqa: S106 - no secret
    with pytest.raises(UnreadableInputError, match=r"client\.pem"):
        Client("https://127.0.0.1", wrong)
