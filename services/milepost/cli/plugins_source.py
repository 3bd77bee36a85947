"""A plugin that somebody writes is found in its source folder: its name, and where its code and configuration lie."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from milepost.cli.errors import VerbError, failed, misused

PYPROJECT = "pyproject.toml"
CONFIG, SECRETS = "config.toml", "secrets.toml"  # beside pyproject.toml, for trying a plugin out


class Source(NamedTuple):
    """A plugin to be run from where it lies: its entry point, what is put on the path, its configuration."""

    name: str
    value: str
    paths: tuple[Path, ...]
    config: dict[str, Any] | None
    secrets: dict[str, Any] | None
    sources: tuple[str, str]  # how configuration and secrets are called in errors
    watched: tuple[Path, ...]  # what to look at for changes


class Files(NamedTuple):
    """Which files hold configuration and secrets, where somebody named them."""

    config: str | None = None
    secrets: str | None = None


def in_folder(folder: Path, files: Files, name: str | None = None) -> Source:
    """Return the plugin of the source *folder*; *name* chooses where it has several. Raises VerbError."""
    folder = folder.absolute()
    project = _pyproject(folder / PYPROJECT)
    points = _entry_points(project)
    if not points:
        hint = f'It wants [project.entry-points."{_group()}"] with a line NAME = "MODULE".'
        raise failed("no_plugin", f"{folder / PYPROJECT} names no plugin.", hint=hint)
    if name is None and len(points) > 1:
        raise misused("plugin_missing", f"There are several plugins here: --name {' or '.join(points)}.", "name")
    chosen = name or next(iter(points))
    if chosen not in points:
        raise _unknown(chosen, points)
    config = Path(files.config).absolute() if files.config else folder / CONFIG
    secrets = Path(files.secrets).absolute() if files.secrets else folder / SECRETS
    return Source(
        name=chosen,
        value=points[chosen],
        paths=_paths(folder, project),
        config=members(config, wanted=bool(files.config)),
        secrets=members(secrets, wanted=bool(files.secrets)),
        sources=(str(config), str(secrets)),
        watched=(folder, config, secrets),
    )


def by_name(name: str, files: Files, plugins_dir: Path) -> Source:
    """Return the installed plugin *name*, configured as in *plugins_dir*; raises VerbError."""
    from milepost.react.installed import installed

    known = {entry.name: entry.value for entry in installed().values()}
    if name not in known:
        raise _unknown(name, known)
    config = Path(files.config) if files.config else plugins_dir / f"{name}.toml"
    secrets = Path(files.secrets) if files.secrets else plugins_dir / f"{name}.secrets.toml"
    return Source(
        name=name,
        value=known[name],
        paths=(),
        config=members(config, wanted=bool(files.config)),
        secrets=members(secrets, wanted=bool(files.secrets)),
        sources=(str(config), str(secrets)),
        watched=(),
    )


def members(path: Path, *, wanted: bool) -> dict[str, Any] | None:
    """Return what the TOML file *path* holds; None where there is none, unless it is *wanted*. Raises VerbError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if wanted:
            raise failed("no_config", f"There is no file {path}.") from error
        return None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise failed("invalid_config", f"{path}: {error}.") from error


def _pyproject(path: Path) -> dict[str, Any]:
    try:
        found = members(path, wanted=False)
    except VerbError as error:
        raise failed("no_plugin", error.problems[0].message) from error
    if found is None:
        hint = "Name the folder of a plugin's source; `milepost plugins new` makes one."
        raise failed("no_plugin", f"There is no {path}.", hint=hint)
    return found


def _entry_points(project: dict[str, Any]) -> dict[str, str]:
    """Return name -> module of every plugin that pyproject declares, in the standard's way or in Poetry's."""
    standard = project.get("project", {}).get("entry-points", {}).get(_group(), {})
    poetry = project.get("tool", {}).get("poetry", {}).get("plugins", {}).get(_group(), {})
    return {str(name): str(value) for name, value in {**poetry, **standard}.items()}


def _paths(folder: Path, project: dict[str, Any]) -> tuple[Path, ...]:
    """Return the folders to import from: those that build tools are told, `src` and the folder itself."""
    tool = project.get("tool", {})
    wheel = tool.get("hatch", {}).get("build", {}).get("targets", {}).get("wheel", {})
    told = [(folder / str(package)).parent for package in wheel.get("packages", ())]
    where = tool.get("setuptools", {}).get("packages", {})
    told += [folder / str(one) for one in (where.get("find", {}).get("where", ()) if isinstance(where, dict) else ())]
    return tuple(dict.fromkeys(path for path in (*told, folder / "src", folder) if path.is_dir()))


def _unknown(name: str, known: dict[str, str]) -> VerbError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}."
    return failed("not_installed", f"There is no plugin {name!r}: {hint}")


def _group() -> str:
    from milepost_contracts.hooks import ENTRY_POINTS

    return ENTRY_POINTS
