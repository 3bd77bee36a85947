"""One message goes to one URL of Apprise, quietly: what Apprise would log may hold addresses and passwords."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

EFFECT = "X-Milepost-Effect"  # in mails and requests; RFC 7352 lets a mailbox drop a second copy by it
_LOGGERS = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")  # the second shows paths, which may be tokens
IDEMPOTENCY = "Idempotency-Key"  # in requests


def service(url: str) -> NotifyBase | None:
    """Return the service that *url* is for; None where Apprise knows none."""
    import apprise

    with _quietly():
        asset = apprise.AppriseAsset(
            app_id="Milepost", app_desc="Milepost rewards", app_url="", async_mode=False, secure_logging=True,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )  # fmt: skip
        return apprise.Apprise.instantiate(url, asset=asset)


def send(url: str, title: str, body: str, *, key: str, timeout_s: float) -> bool:
    """Send a message and return whether the other side took it; *key* goes along where the transport has headers."""
    import apprise

    to = service(url)
    if to is None:
        return False
    to.socket_connect_timeout = min(to.socket_connect_timeout, timeout_s)
    to.socket_read_timeout = min(to.socket_read_timeout, timeout_s)
    if isinstance(headers := getattr(to, "headers", None), dict):
        headers[EFFECT] = key
        if "mailto" in _protocols(to):
            # Apprise makes the Message-ID itself. Two copies have this in common: mail readers show them as one thread.
            headers["References"] = f"<{key.replace('/', '.')}@milepost>"
        else:
            headers[IDEMPOTENCY] = key
    with _quietly():
        sender = apprise.Apprise()
        sender.add(to)
        return bool(sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))


def _protocols(to: NotifyBase) -> tuple[str, ...]:
    named = to.protocol
    return () if named is None else (named,) if isinstance(named, str) else tuple(named)


@contextmanager
def _quietly() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of modules that services of Apprise still import
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled
