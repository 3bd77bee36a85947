"""Which plugins are installed, which may run, and how each is configured; nothing of theirs is imported here."""

from __future__ import annotations

import difflib
import stat
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NamedTuple

from milepost_contracts.frames import Hello
from milepost_contracts.hooks import ENTRY_POINTS
from milepost_contracts.plugin import PluginError


class Installed(NamedTuple):
    """An installed plugin: its name, what its entry point names, its distribution and version."""

    name: str
    value: str
    distribution: str
    version: str


def installed() -> dict[str, Installed]:
    """Return every installed plugin by name. Two distributions with one name: the first in the alphabet."""
    found: dict[str, Installed] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: (entry.name, _distribution(entry)[0])):
        found.setdefault(entry.name, Installed(entry.name, entry.value, *_distribution(entry)))
    return found


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist is not None else ("", "")


def allowed(names: str) -> list[str]:
    """Return the names in the setting `plugins`, in its order."""
    return list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))


def unknown(name: str, known: dict[str, Installed]) -> PluginError:
    """Return the error for a plugin that is not installed."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"installed are {', '.join(known) or 'none'}"
    return PluginError("not_installed", f"the plugin {name!r} is not installed: {hint}")


def hello(plugin: Installed, folder: Path, memory_bytes: int) -> Hello:
    """Return what the plugin's process is told; reads `NAME.toml` and `NAME.secrets.toml` in *folder*.

    Raises PluginError `invalid_config` for a file that is no TOML, `secrets_readable` for secrets that others may read.
    """
    config, secrets = folder / f"{plugin.name}.toml", folder / f"{plugin.name}.secrets.toml"
    if secrets.exists() and stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        raise PluginError("secrets_readable", f"{secrets} can be read by others: chmod 600 it")
    return Hello(
        name=plugin.name,
        value=plugin.value,
        config=_members(config),
        secrets=_members(secrets),
        sources=(str(config), str(secrets)),
        memory_bytes=memory_bytes,
    )


def _members(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PluginError("invalid_config", f"{path}: {error}") from error
