# noqa: INP001  a script of its own, in no package
"""Make what the compose file mounts as secrets: the roles' nkeys, the databases' passwords, and who uses which.

python deploy/prepare.py deploy/secrets

What is there already stays, so it may be run again. Everything is readable by its owner alone, which must be the
account that the containers run as (MILEPOST_UID).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from milepost.roles import prepare

# Database and user by stage, least first; the same names as in databases.sql.
LOGINS = {
    "accept": [("journal", "journal"), ("keys", "keys")],
    "publish": [("journal", "journal_reader")],
    "replay": [("journal", "journal_reader"), ("keys", "keys")],
    "view": [("view", "view")],
    "react": [("react", "react")],
}
HOST = "postgres"
PASSWORD_BYTES = 32


def main(folder: Path) -> None:
    """Write into *folder*: `nats/`, `postgres/USER` (passwords) and `pgpass/STAGE` (libpq password files)."""
    prepare(folder / "nats")
    users = {user for logins in LOGINS.values() for _, user in logins}
    passwords = {user: _password(folder / "postgres" / user) for user in sorted(users | {"superuser"})}
    for stage, logins in LOGINS.items():
        lines = [f"{HOST}:5432:{database}:{user}:{passwords[user]}\n" for database, user in logins]
        _write(folder / "pgpass" / stage, "".join(lines))


def _password(path: Path) -> str:
    if not path.exists():
        _write(path, secrets.token_urlsafe(PASSWORD_BYTES))
    return path.read_text()


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
