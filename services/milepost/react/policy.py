"""How often what fails is tried again, when a plugin that keeps failing is stopped; every number with its reason."""

from __future__ import annotations

from typing import NamedTuple


class Policy(NamedTuple):
    """The numbers by which a host goes; tests take shorter ones. Times in seconds."""

    # Of one event: a database or a service that a handler needs is back within the half minute that these take in all.
    event_attempts_max: int = 5
    event_pause_s_min: float = 0.2
    event_pause_s_max: float = 20.0
    # Parked in a row without one that went well: then it is the plugin and not the events.
    parked_in_a_row_max: int = 10
    # Starts that fail in a row: some seconds for a machine out of memory, then a person has to look.
    starts_max: int = 5
    start_s: float = 30.0  # to import a plugin with its libraries on a busy machine
    end_s: float = 5.0  # for an orderly end; whoever takes longer is killed
    load_again_s: float = 30.0  # before a plugin that does not load is tried again: it may have been mended
    # Of one effect: from a restart of the receiver to a long weekend.
    effect_pauses_s: tuple[float, ...] = (
        5.0, 30.0, 120.0, 600.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0, 24 * 3600.0, 24 * 3600.0,
    )  # fmt: skip
    effects_at_once: int = 4  # processes that perform; one slow receiver then leaves three for the others
    idle_s: float = 60.0  # a process that performs ends after so long without work; starting one takes 0.2 s
    # Events handed to a plugin in a row, and how long it takes a frame before it tells how far it is: a turn is kept
    # within this of being made, and a plugin that hangs is noticed this much later at the most.
    batch_max: int = 2_000
    frame_max: int = 250  # of them in one frame: the next is on its way while one is handled
    budget_s: float = 0.2
    grace_s: float = 2.0  # beyond a handler's own limit, before its process is ended from outside
    lease_s: float = 2.0  # before asking again for a lease that another host holds
    pause_s_min: float = 0.1  # before trying again what broke, twice as long each time
    pause_s_max: float = 10.0
    trim_s: float = 24 * 3600.0  # what is dropped has lain for thirty days: one more does not matter

    def event_pause_s(self, attempts: int) -> float:
        """Return how long to wait after *attempts* failed ones."""
        pause: float = self.event_pause_s_min * 4.0 ** (attempts - 1)
        return min(pause, self.event_pause_s_max)

    def effect_pause_s(self, attempts: int) -> float | None:
        """Return how long to wait after *attempts* failed ones; None: give up."""
        pauses = self.effect_pauses_s
        return pauses[attempts - 1] if attempts <= len(pauses) else None
