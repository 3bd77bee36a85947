"""The plugins here pass their own check, configured as their READMEs show."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from milepost_contracts.hooks import ENTRY_POINTS
from milepost_contracts.testing import check

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
# What each comes to with its README's configuration, so that the check has something to look at.
SHOWS = {
    "rewards": ("grants", "facts", "effects"),
    "okr": ("kept",),
    "nudges": ("facts", "timers"),
    "webhooks": ("effects",),
}
# Asked for where a goal was not seen from its beginning on, which the check's history does not bring about.
TRUSTED = {("unused_permission", "history")}


@pytest.mark.parametrize("name", SHOWS)
def test_a_plugin_passes_its_check(name: str) -> None:
    """With the configuration and the secrets of its README nothing is to be put right, and plenty happens."""
    folder = PLUGINS / name
    points = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"][ENTRY_POINTS]
    blocks = re.findall(r"^```toml\n(.*?)^```$", (folder / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    given: list[dict[str, Any]] = [*map(tomllib.loads, blocks), {}, {}]
    checked = check(EntryPoint(name, points[name], ENTRY_POINTS), config=given[0], secrets=given[1])
    assert [one for one in checked.findings if (one.code, one.place) not in TRUSTED] == []
    assert all(getattr(checked, what) > 0 for what in SHOWS[name]), checked
