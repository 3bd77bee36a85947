"""What only the journal can answer: events after a sequence, keys that open words, an aggregate as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from milepost.replay.service import ReplayService

__all__ = ["ReplayService"]


def __getattr__(name: str) -> Any:
    """Import the service when it is wanted: who verifies needs no bus, and its processes start in half the time."""
    if name != "ReplayService":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from milepost.replay.service import ReplayService

    return ReplayService
