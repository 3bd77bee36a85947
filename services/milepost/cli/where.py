"""Which installation, which tenant and who asks: from flags, `MILEPOST_*`, what was remembered, or the sample."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from milepost.cli.errors import failed, misused
from milepost.settings import Resolved, resolve
from milepost_contracts.types import ACTOR_PATTERN, ID_PATTERN, NAME_PATTERN

REMEMBERED = "cli.json"  # in the data directory: identities belong to one installation
SAMPLE = "sample.json"
SEEN = "cli-seen.json"
# The view is milliseconds behind; after a minute it has seen everything, or something else is wrong.
SEEN_S_MAX = 60.0
_PORTS = re.compile(r"nats-server_([0-9]+)\.ports")


class Remembered(msgspec.Struct, omit_defaults=True, rename={"as_": "as"}):
    """What `milepost whoami --set` keeps."""

    as_: str | None = None
    tenant: str | None = None


class Seen(msgspec.Struct, frozen=True):
    """The newest sequence that a command was answered with in `tenant`, and when, in seconds since 1970."""

    tenant: str
    sequence: str
    at: float


class Names(msgspec.Struct, frozen=True):
    """Names for the people and things of one tenant; the sample programme writes them."""

    tenant: str = ""
    people: dict[str, str] = {}
    goals: dict[str, str] = {}
    mentorships: dict[str, str] = {}
    programmes: dict[str, str] = {}

    def name_of(self, ref: str) -> str | None:
        """Return what a person's reference, or the id of anything else, is called here."""
        for names in (self.people, self.goals, self.mentorships, self.programmes):
            for name, known in names.items():
                if known == ref:
                    return name
        return None


class Where:
    """The flags of one verb, resolved on demand; raises VerbError for what is missing or no name."""

    def __init__(self, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        """Take *flags* by name (None: not given): settings, and `as_` and `tenant`."""
        self._flags = flags
        self._environment = os.environ if environment is None else environment
        known = {name: value for name, value in flags.items() if name not in ("as_", "tenant", "json")}
        self.resolved: Resolved = resolve(known, self._environment)
        self.settings = self.resolved.settings
        self.data_dir = Path(self.settings.data_dir)

    def having(self, **flags: Any) -> Where:
        """Return the same with further flags."""
        return Where({**self._flags, **flags}, self._environment)

    def speaking(self, ref: str) -> Where:
        """Return the same as *ref* where nobody has said who asks."""
        known = self._told("as_", "MILEPOST_AS") or self.remembered().as_
        return self if known else self.having(as_=ref)

    # who and which tenant
    @property
    def tenant(self) -> str:
        """The tenant: flag, variable, remembered, the sample's."""
        found = self._told("tenant") or self.remembered().tenant or self._names().tenant
        if not found:
            hint = f"Nothing is remembered in {self.data_dir}, nor is the sample there: is --data-dir another?"
            raise misused("tenant_missing", "Say which tenant: --tenant NAME or MILEPOST_TENANT.", "tenant", hint=hint)
        if not re.match(NAME_PATTERN, found):
            raise misused("tenant_invalid", f"{found!r} is no tenant: a-z, 0-9, _ and -.", "tenant")
        return found

    @property
    def tenant_flag(self) -> str | None:
        """The tenant that the flag names."""
        return self._flags.get("tenant")

    @property
    def actor(self) -> str:
        """Who asks: flag, variable, remembered; a name of the sample, or a reference."""
        found = self._told("as_", "MILEPOST_AS") or self.remembered().as_
        if not found:
            known = ", ".join(self.names.people)
            hint = f"In the sample there are {known}." if known else "milepost whoami --new makes you somebody new."
            message = "Say who you are: --as NAME, MILEPOST_AS, or once and for all `milepost whoami --set NAME`."
            raise misused("identity_missing", message, "as", hint=hint)
        return self.actor_named(found)

    def actor_named(self, name: str) -> str:
        """Return the reference of who is called *name*: a name of the sample, a UUID, `user:`, `service:` ..."""
        ref = self.names.people.get(name, name)
        if re.match(ID_PATTERN, ref):
            ref = f"user:{ref}"
        if not re.match(ACTOR_PATTERN, ref):
            known = ", ".join(self.names.people) or "none here"
            message = f"{name!r} is nobody: give user:UUID, service:NAME or a name of the sample ({known})."
            raise misused("identity_unknown", message, "as")
        return ref

    @property
    def names(self) -> Names:
        """The names that count in the tenant; none in any other than the sample's."""
        names = self._names()
        # With no sample there is nothing to compare, and nothing to ask the tenant for.
        return names if names.tenant and names.tenant == self.tenant else Names()

    def remembered(self) -> Remembered:
        """Return what was remembered in the data directory."""
        return self._read(REMEMBERED, Remembered) or Remembered()

    def remember(self, kept: Remembered) -> Path:
        """Keep *kept*, readable by its owner alone; returns where."""
        path = self.data_dir / REMEMBERED
        self.data_dir.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
        part.replace(path)
        return path

    def seen(self, tenant: str) -> str | None:
        """Return the sequence that a question asked now should include: what was done a moment ago is to be seen."""
        seen: Seen | None = self._read(SEEN, Seen)
        fresh = seen is not None and seen.tenant == tenant and 0 <= time.time() - seen.at < SEEN_S_MAX
        return seen.sequence if seen is not None and fresh else None

    def saw(self, tenant: str, sequence: str) -> None:
        """Keep what a command was answered with, where there is a data directory that may be written to."""
        part = self.data_dir / f"{SEEN}.{os.getpid()}"
        try:
            part.write_bytes(msgspec.json.encode(Seen(tenant, sequence, time.time())))
            part.replace(self.data_dir / SEEN)
        except OSError:
            return  # a broker elsewhere, or somebody else's directory: a question asked at once may come too early

    def _names(self) -> Names:
        return self._read(SAMPLE, Names) or Names()

    def _told(self, flag: str, variable: str = "MILEPOST_TENANT") -> str | None:
        return self._flags.get(flag) or self._environment.get(variable) or None

    def _read(self, name: str, kind: Any) -> Any:
        path = self.data_dir / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise failed("unreadable", f"{path}: {error}", hint="Remove or mend that file.") from error

    # the broker
    @property
    def broker_url(self) -> str:
        """The broker: the setting, else the embedded one that serves this data directory."""
        if self.settings.nats_url:
            return self.settings.nats_url
        running = None if self.resolved.sources["nats_port"] != "default" else self._embedded()
        return running or f"nats://127.0.0.1:{self.settings.nats_port}"

    @property
    def seed(self) -> Path:
        """The file with the command line's nkey seed; raises VerbError where there is none."""
        path = Path(self.settings.nats_seed) if self.settings.nats_seed else self.data_dir / "broker/keys"
        try:
            path = path / "cli.nk" if path.is_dir() else path  # a folder has one for each role
            found = path.exists()
        except PermissionError:
            found = False
        if not found:
            message = f"There is no key for the command line at {path}."
            hint = (
                "Is Milepost running with another data directory? Name it by --data-dir or MILEPOST_DATA_DIR;\n"
                "for a broker elsewhere give --nats-url and --nats-seed. `milepost serve` starts one here."
            )
            raise failed("key_missing", message, hint=hint)
        return path

    def _embedded(self) -> str | None:
        """Return the address that the running embedded broker of this data directory wrote down."""
        folder = self.data_dir / "broker"
        files = [(path, _PORTS.fullmatch(path.name)) for path in folder.glob("*.ports")] if folder.is_dir() else []
        for path, match in files:
            if match is None or not _alive(int(match[1])):
                continue  # left by a server that was killed
            try:
                urls = msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]]).get("nats")
            except (OSError, msgspec.MsgspecError):
                continue  # being written, or gone just now
            if urls:
                return urls[0]
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
