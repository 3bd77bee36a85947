"""A real HTTP server that receives webhooks, on a loopback address, and the certificates that it needs."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Received(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]  # by their names in lower case
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Exchange(BaseHTTPRequestHandler):
    """Takes one request and gives the next answer."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.received.append(Received(self.path, headers, body))
        answer = receiver.answers.pop(0) if receiver.answers else receiver.otherwise
        if callable(answer):
            answer(self, receiver.over)
            self.close_connection = True
            return
        status, more = (answer, {}) if isinstance(answer, int) else answer
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library calls it
        """Say nothing: a test looks at what was received."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that the end waits for all of them
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: senders of these tests hang up in the middle."""


Answer = int | tuple[int, dict[str, str]] | Callable[[Exchange, threading.Event], None]


class Receiver:
    """Receives; `answers` are given in turn, then `otherwise`. An answer that is called gets an event: it is over."""

    def __init__(
        self, *answers: Answer, host: str = "127.0.0.1", port: int = 0, certificate: Certificate | None = None
    ) -> None:
        """Listen on *host*; with *certificate* by TLS."""
        self.received: list[Received] = []
        self.answers: list[Answer] = list(answers)
        self.otherwise: Answer = 204
        self.over = threading.Event()
        self._server = _Server((host, port), Exchange)
        self._server.receiver = self
        if certificate is not None:
            # The handshake is made by the thread of the connection: who fails it keeps nobody else waiting.
            self._server.socket = certificate.context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self._server.server_address[0]!s}:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Certificate:
    """A certificate for names and its own authority, in files."""

    def __init__(self, folder: Path, names: Sequence[str], *, days: int = 1) -> None:
        """Make both; a negative number of *days* makes one that is out of date."""
        now = dt.datetime.now(dt.UTC)
        ends = (now - dt.timedelta(days=2), now + dt.timedelta(days=days))
        authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority = _certificate("Test authority", "Test authority", authority_key, ends).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        authority = authority.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        leaf = _certificate(names[0], "Test authority", key, ends).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        leaf = leaf.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        self.ca_file = folder / "authority.pem"
        self.ca_file.write_bytes(authority.sign(authority_key, hashes.SHA256()).public_bytes(_PEM))
        chain = folder / "certificate.pem"
        chain.write_bytes(
            key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + leaf.sign(authority_key, hashes.SHA256()).public_bytes(_PEM)
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)
        self.asked: list[str | None] = []  # by SNI
        self.context.sni_callback = lambda _, name, __: self.asked.append(name)


_PEM = serialization.Encoding.PEM


def _certificate(
    name: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    ends: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(ends[0]).not_valid_after(ends[1])
