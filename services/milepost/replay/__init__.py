"""What only the journal can answer: events after a sequence, keys that open words, an aggregate as it was."""

from milepost.replay.service import ReplayService

__all__ = ["ReplayService"]
