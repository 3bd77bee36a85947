"""For authors of plugins: a host in memory, histories to give it, and the check that `milepost plugins check` runs.

As a pytest plugin it gives the fixtures of `milepost_contracts.testing.fixtures`; nothing needs to be imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from milepost_contracts.testing.checking import Checked, Finding, check
    from milepost_contracts.testing.host import HookFailed, Host
    from milepost_contracts.testing.story import Story, StoryGoal

__all__ = ["Checked", "Finding", "HookFailed", "Host", "Story", "StoryGoal", "check"]
_WHERE = {
    "Checked": "checking", "Finding": "checking", "check": "checking", "HookFailed": "host", "Host": "host",
    "Story": "story", "StoryGoal": "story",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # On demand: pytest imports this package in every project beside which `milepost-contracts` is installed.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
