"""Where events and keys are kept: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from milepost.journal.errors import BadURL

_SQLITE = "sqlite:///"
# How a lost PostgreSQL server is noticed, unless the URL says otherwise: without these a COMMIT on a dead network
# waits for hours. 5 s to connect; a silent peer is given up after 5 + 3 * 5 s, unacknowledged bytes after 20 s.
_NETWORK: dict[str, str] = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def sqlite_path(url: str) -> Path | None:
    """Return the file of a `sqlite:///PATH` URL, None for any other; an absolute path gives four slashes.

    Raises BadURL where the path is missing.
    """
    if not url.startswith("sqlite:"):
        return None
    if not url.startswith(_SQLITE) or not url.removeprefix(_SQLITE) or ":memory:" in url:
        raise BadURL(f"{url!r}: a file is wanted, as in sqlite:///data/journal.db or sqlite:////var/lib/journal.db")
    return Path(unquote(url.removeprefix(_SQLITE)))


def postgres_parameters(url: str) -> dict[str, str]:
    """Return the libpq parameters of a `postgresql://` URL, with limits on a silent network added.

    Raises BadURL, without the URL's password in it.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise BadURL(f"{url.partition(':')[0]!r} is neither sqlite:///PATH nor postgresql://...")
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError as error:
        raise BadURL("the postgresql:// URL cannot be read") from error
    return _NETWORK | {"host": "localhost", "port": "5432", "dbname": "milepost", "user": "milepost"} | given


def shown(url: str) -> str:
    """Return *url* without its password, for logs and errors."""
    scheme, separator, rest = url.partition("://")
    login, at, where = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{separator}{user}{':***' if colon else ''}{at}{where.partition('?')[0]}"
