"""A plugin begins: a folder is written with its code, tests, packaging and CI, which works as it is."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from milepost.cli.errors import failed, misused
from milepost_contracts.types import NAME_PATTERN

TEMPLATES = {
    "reward": "gives points for milestones and tells a chat",
    "event": "counts check-ins, wakes up when a goal is quiet, answers questions",
    "review": "says no to commands before they count",
}
PREFIX = "milepost_"
_SECRETS = "secrets.toml"
_NAME = re.compile(NAME_PATTERN)
_TAKEN = {"contracts"}  # whose package is ours
# Where each file of a template goes; the names end in `.in`, so that no tool takes them for its own.
_COMMON = {
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "gitignore.in": ".gitignore",
    "test.yml.in": ".github/workflows/test.yml",
}
_OWN = {
    "code.py.in": "@package@/__init__.py",
    "test.py.in": "tests/test_@package@.py",
    "config.toml.in": "config.toml",
    "secrets.toml.in": _SECRETS,  # where it has secrets
}


def new_plugin(folder: Path, name: str, template: str) -> list[Path]:
    """Write a plugin called *name* by *template* into *folder*, which is made; return its files, in order.

    Raises VerbError for a name that is none, an unknown template, a folder with something in it.
    """
    if not _NAME.match(name) or not f"{name}x".replace("-", "_").isidentifier() or name in _TAKEN:
        raise misused(
            "bad_name", f"{name!r} is no name of a plugin: 1 to 63 of a-z, 0-9, - and _, a letter first.", "name"
        )
    if template not in TEMPLATES:
        raise misused("unknown_template", f"There are {', '.join(TEMPLATES)}.", "template")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise failed("folder_taken", f"{folder} is there already.", hint="Name one that is empty, or none yet.")
    root = importlib.resources.files("milepost.cli").joinpath("templates")
    own = root.joinpath(template)
    values = {"@name@": name, "@package@": PREFIX + name.replace("-", "_")}
    values["@summary@"] = own.joinpath("summary.in").read_text(encoding="utf-8").strip()
    values["@operator@"] = own.joinpath("operator.md.in").read_text(encoding="utf-8").strip()
    written: list[Path] = []
    for source, targets in ((root, _COMMON), (own, _OWN)):
        for file, target in targets.items():
            if not source.joinpath(file).is_file():
                continue
            path = folder / _filled(target, values)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(source.joinpath(file).read_text(encoding="utf-8"), values), encoding="utf-8")
            if path.name == _SECRETS:
                path.chmod(0o600)  # the host refuses secrets that others may read
            written.append(path)
    return sorted(written)


def _filled(text: str, values: dict[str, str]) -> str:
    # The operator's part has names in it itself, so it comes first.
    for token in ("@operator@", "@summary@", "@package@", "@name@"):
        text = text.replace(token, values[token])
    return text
