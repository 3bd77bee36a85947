"""An address from the secrets becomes a service of Apprise that can be sent to; nothing is logged of it."""

from __future__ import annotations

import logging

import apprise

_NOBODY = "00000000-0000-0000-0000-000000000000"


class _Nothing(logging.Filter):
    """Lets nothing through: Apprise's lines may hold addresses, and those hold passwords."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  nothing, whatever it is
        return False


_SILENCE = _Nothing()


def understood(url: str) -> bool:
    """Whether Apprise knows what to do with *url*; nothing is sent."""
    return service_of(url, _NOBODY, "key") is not None


def service_of(url: str, person: str, key: str) -> apprise.NotifyBase | None:
    """Return the service that *url* names, with `{person}` and `{key}` filled in; None where Apprise knows none."""
    logging.getLogger("apprise").addFilter(_SILENCE)  # the same filter is added but once
    return apprise.Apprise.instantiate(url.replace("{person}", person).replace("{key}", key))
