"""The image holds what it should: the Dockerfile's own commands, run here on the files that it copies."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from milepost.permissions import PLUGINS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
IGNORED = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().split()
# Plugins of the folder that is given, each loaded in its own right; those that are installed here do not count.
LOADED = """
import json, sys
from importlib.metadata import distributions
from milepost_contracts.loading import load_entry_point
found = [one for each in distributions(path=sys.argv[1:]) for one in each.entry_points]
print(json.dumps({one.name: load_entry_point(one).manifest.id for one in found if one.group == "milepost.plugins"}))
"""


def test_the_image_holds_milepost_and_every_plugin_of_ours(tmp_path: Path) -> None:
    """Proves that what is copied is let through and can be installed as the Dockerfile says, and each plugin loads."""
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            assert f"!{source}" in IGNORED, f"{source} does not reach the builder"
            into = tmp_path / "build" / (source if target == "./" else target)
            into.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            else:
                shutil.copy(ROOT / source, into)
    (arguments,) = re.findall(r"^RUN /milepost/bin/pip (install --no-deps --no-build.*)$", DOCKERFILE, re.MULTILINE)
    site = tmp_path / "site"
    command = f"{sys.executable} -m pip --disable-pip-version-check -q {arguments} --target {site}"
    subprocess.run(command, shell=True, check=True, cwd=tmp_path / "build")  # noqa: S602  as the builder's shell does
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED, str(site)], check=True, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert json.loads(loaded.stdout) == {name: name for name in PLUGINS}


def test_the_lock_holds_what_the_plugins_need() -> None:
    """Proves that with the one lock, which names every package, no plugin of ours misses a library."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    for file in (ROOT / "plugins").glob("*/pyproject.toml"):
        wanted = tomllib.loads(file.read_text())["project"]["dependencies"]
        names = {re.split(r"[<>=\[]", one)[0] for one in wanted} - {"milepost-contracts"}
        assert names
        assert names <= locked, file
