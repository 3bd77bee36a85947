"""How often what fails is tried again, when a plugin that keeps failing is stopped; every number with its reason."""

from __future__ import annotations

# Of one event: a database or a service that a handler needs is back within the half minute that these take in all.
EVENT_ATTEMPTS_MAX = 5
EVENT_PAUSE_S_MIN, EVENT_PAUSE_S_MAX = 0.2, 20.0
# Parked in a row without one that went well: then it is the plugin and not the events.
PARKED_IN_A_ROW_MAX = 10
# Starts that fail in a row: some seconds for a machine out of memory, then a person has to look.
STARTS_MAX = 5
# Of one effect: from a restart of the receiver to a long weekend.
EFFECT_PAUSES_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0, 24 * 3600.0, 24 * 3600.0)
EFFECTS_AT_ONCE = 4  # processes that perform; one slow receiver then leaves three for the others
# Events handed to a plugin in one frame, and how long it takes them before it tells how far it is: a turn is kept
# within this of being made, and a plugin that hangs is noticed this much later at the most.
BATCH_MAX = 1_000
BUDGET_S = 0.2
GRACE_S = 2.0  # beyond a handler's own limit, before its process is ended from outside
IDLE_S = 60.0  # a process that performs ends after so long without work; starting one takes 0.2 s


def event_pause_s(attempts: int) -> float:
    """Return how long to wait after *attempts* failed ones."""
    pause: float = EVENT_PAUSE_S_MIN * 4.0 ** (attempts - 1)
    return min(pause, EVENT_PAUSE_S_MAX)


def effect_pause_s(attempts: int) -> float | None:
    """Return how long to wait after *attempts* failed ones; None: give up."""
    return EFFECT_PAUSES_S[attempts - 1] if attempts <= len(EFFECT_PAUSES_S) else None
