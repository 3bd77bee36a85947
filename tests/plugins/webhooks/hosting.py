"""What these tests begin with: a plugin in the kit's host, with endpoints that are receivers on loopback."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import socket
import threading
from types import TracebackType
from typing import Any

from milepost_webhooks import Webhooks
from milepost_webhooks.addresses import Resolve, resolve

from milepost_contracts.testing import Host, Story
from tests.support import receiving

HOSTS: list[Host] = []  # that are to be closed after the test: they keep connections


class Receiver(receiving.Receiver):
    """Receives over connections that are kept; its end ends them.

    `connections`: those there ever were; `ended`: counts those that are over.
    """

    def __init__(self, *answers: receiving.Answer, **how: Any) -> None:
        """See the receiver of tests.support."""
        super().__init__(*answers, **how)
        self.connections: list[socket.socket] = []
        self.ended = threading.Semaphore(0)
        begun, ended = self.connections.append, self.ended.release

        class Exchange(receiving.Exchange):
            """Takes requests over one connection, of which its receiver knows."""

            def setup(self) -> None:
                super().setup()
                begun(self.connection)

            def finish(self) -> None:
                super().finish()
                ended()

        self._server.RequestHandlerClass = Exchange

    def hang_up(self) -> None:
        """End all connections."""
        for one in self.connections:
            with contextlib.suppress(OSError):  # it has ended
                one.shutdown(socket.SHUT_RDWR)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        super().__exit__(kind, error, trace)


def secret(first: int = 1) -> str:
    """Return a signing secret; another number, another secret."""
    return "whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode()


def config(*endpoints: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a configuration that lets loopback be reached, on the ports of *endpoints*."""
    ports = [int(one["url"].split(":")[2].partition("/")[0]) for one in endpoints if one["url"].count(":") > 1]
    return {
        "endpoints": list(endpoints),
        "allow_http": True,
        "allow_private": ["127.0.0.1/32"],
        "ports": [443, *ports],
        "timeout_s": 10,
        **more,
    }


def endpoint(receiver: receiving.Receiver | str, id_: str = "crm", **more: Any) -> dict[str, Any]:
    """Return an endpoint that wants everything of the tenant of these stories."""
    url = receiver if isinstance(receiver, str) else receiver.url
    return {"id": id_, "url": url, "tenants": ["acme"], **more}


def hosted(
    *endpoints: dict[str, Any],
    story: Story | None = None,
    names: Resolve = resolve,
    words: bool = False,
    secrets: dict[str, Any] | None = None,
    mode: Any = "live",
    **more: Any,
) -> Host:
    """Return a host with the plugin, at the present time: receivers refuse signatures of another."""
    host = Host(
        Webhooks(words=words, resolve=names),
        config=config(*endpoints, **more),
        secrets={"endpoints": secrets or {one["id"]: {"signing": [secret()]} for one in endpoints}},
        story=story or Story(),
        mode=mode,
        now=dt.datetime.now(dt.UTC),
    )
    HOSTS.append(host)
    return host


def told(hits: int = 1, **goal: Any) -> Story:
    """Return a story of a goal that is created, then so many milestones hit."""
    story = Story()
    made = story.goal(
        story.person("mentee"), story.person("mentor"), title="Speak freely to two hundred people", **goal
    )
    for place in range(hits):
        made.hit(f"Talk {place} before an audience")
    return story


def after(host: Host, **time: float) -> None:
    """Let time pass, and do what is due then."""
    host.advance(host.now + dt.timedelta(**time))
    host.perform()
