"""`/livez` and `/readyz` on the HTTP port, from the start: alive at once, ready when every part is up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import msgspec


class Health:
    """A small HTTP server in a thread; *ready* tells what is not up yet (nothing: ready)."""

    def __init__(self, host: str, port: int, ready: Callable[[], list[str]]) -> None:
        """Bind *host*:*port* (0: a free one); raises OSError."""

        class Handler(BaseHTTPRequestHandler):
            timeout = 5  # of a client that connects and says nothing
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/livez":
                    self._answer(HTTPStatus.OK, {"status": "alive"})
                elif self.path == "/readyz":
                    waiting = ready()
                    status = HTTPStatus.SERVICE_UNAVAILABLE if waiting else HTTPStatus.OK
                    self._answer(status, {"status": "waiting" if waiting else "ready", "waiting_for": waiting})
                else:
                    self._answer(HTTPStatus.NOT_FOUND, {"status": "unknown", "known": ["/livez", "/readyz"]})

            def _answer(self, status: HTTPStatus, body: dict[str, object]) -> None:
                content = msgspec.json.encode(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing: probes come every few seconds."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
