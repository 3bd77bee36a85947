"""An address from the secrets becomes a service of Apprise that can be sent to; nothing is logged of it."""

from __future__ import annotations

import logging
import warnings

import apprise

_NOBODY = "00000000-0000-0000-0000-000000000000"


# Who would write addresses into a log: Apprise whole, its HTTP library their paths, which are passwords to chats.
_TALKATIVE = ("apprise", "urllib3.connectionpool")


class _Nothing(logging.Filter):
    """Lets nothing through."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  nothing, whatever it is
        return False


_SILENCE = _Nothing()


def understood(url: str) -> bool:
    """Whether Apprise knows what to do with *url*; nothing is sent."""
    return service_of(url, _NOBODY, "key") is not None


def service_of(url: str, person: str, key: str) -> apprise.NotifyBase | None:
    """Return the service that *url* names, with `{person}` and `{key}` filled in; None where Apprise knows none."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_SILENCE)  # the same filter is added but once
    with warnings.catch_warnings():
        # It loads its services when first asked; what those deprecate is for their authors to hear.
        warnings.simplefilter("ignore", DeprecationWarning)
        return apprise.Apprise.instantiate(url.replace("{person}", person).replace("{key}", key))
