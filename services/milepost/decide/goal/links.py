"""A link that people may follow is http, https or mailto; every other scheme could run something."""

from __future__ import annotations

import urllib.parse

from milepost.decide.kernel import Case

SCHEMES = frozenset({"http", "https", "mailto"})


def check_link(case: Case, link: str, field: str) -> None:
    """Refuse `unsafe_link` for a *link* that a browser might do more with than open it."""
    message = "A link begins with https://, http:// or mailto: and holds no spaces."
    case.reasons.unless(_safe(link), "unsafe_link", message, field)


def _safe(link: str) -> bool:
    # Browsers drop control characters and blanks before they look for the scheme, so `java\nscript:` would run.
    if any(ord(character) <= ord(" ") or ord(character) == 0x7F for character in link):  # noqa: PLR2004  delete
        return False
    try:
        parts = urllib.parse.urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in SCHEMES and bool(parts.netloc or (parts.scheme == "mailto" and parts.path))
