"""A plugin was asked something: its answer is taken, its refusal is passed on, and its defects are told without places.

Whoever asks is a user: a file and a line of the host say nothing to them, and are nobody's business but the host's.
"""

from __future__ import annotations

from typing import Any

from milepost_contracts.plugin import PluginError
from milepost_contracts.running import DEADLINE, Done, Failure

# What nobody raises on purpose.
_DEFECTS = frozenset({"raised", DEADLINE, "out_of_memory"})


class Defect(Exception):  # noqa: N818  what it is; whoever asked says what it means
    """A plugin failed at a question. `code` and the message are for whoever asked, `told` for who looks after it."""

    def __init__(self, code: str, message: str, told: str) -> None:
        """Take both."""
        super().__init__(message)
        self.code = code
        self.told = told


def heard(plugin: str, hook: str, done: Done) -> Any:
    """Return what *plugin* says in *hook*; raises PluginError where it refuses on purpose, and Defect."""
    failure = done.failure
    if failure is None:
        return done.result
    if _refuses(failure):
        raise PluginError(failure.code, failure.error)
    raise Defect(failure.code, _told(plugin, "failed", failure.code), _whole(hook, failure))


def not_begun(plugin: str, error: PluginError) -> Defect:
    """Return the defect of a plugin whose process for questions did not start: *error* may name files."""
    return Defect(error.code, _told(plugin, "does not start", error.code), f"{error.code}: {error}")


def _told(plugin: str, what: str, code: str) -> str:
    return f"The plugin {plugin} {what} ({code}); `milepost plugins show {plugin}` says more to its administrators."


def _refuses(failure: Failure) -> bool:
    """Whether the plugin raised a PluginError, rather than anything else, `Later` and `GiveUp` included."""
    return failure.code not in _DEFECTS and failure.retry_s is None and not failure.final


def _whole(hook: str, failure: Failure) -> str:
    why = failure.code if failure.error in ("", failure.code) else f"{failure.code}: {failure.error}"
    return f"{hook} failed: {why} at {failure.place}"
