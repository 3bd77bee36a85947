"""What publish tells about itself: its state, and what reconciling and refilling found and did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

# Called with (done, total) events.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


class HaltError(Exception):
    """Going on could lose or double events. `code`: see `Halt`.

    `lasting`: to be kept in the stream until a refill; `kept`: that is where it was found.
    """

    def __init__(self, code: str, message: str, *, lasting: bool, kept: bool = False) -> None:
        """Keep what `Halt` tells."""
        super().__init__(message)
        self.code = code
        self.lasting = lasting
        self.kept = kept


class Halt(msgspec.Struct, frozen=True):
    """Why the relay does nothing any more.

    Until `publish refill`: `stream_diverged` (the stream's last message is not the journal's event),
    `stream_ahead` (the stream has had more than the journal has: the journal is an older backup) and
    `refill_unfinished`. Until a restart with the cause mended, or a refill: `misconfigured` (the broker or the stream
    is not as it must be) and `journal_corrupt`.
    """

    code: str
    message: str


class Refilling(msgspec.Struct, frozen=True):
    """A refill under way: events on the stream again, of how many; `recording`: tenants that are still to be told."""

    done: int
    total: int
    recording: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay does. `lag`: events in the journal that are not on the stream; null while that is not known.

    `waiting` means that broker or journal cannot be reached, `reason` says which. `alarm` is something that
    a person should look at although the relay goes on trying. `last_sequence` and `generation` are the stream's.
    """

    state: Literal["starting", "running", "waiting", "halted"]
    reason: str = ""
    halt: Halt | None = None
    alarm: str = ""
    generation: int = 0
    last_sequence: int = 0
    position: int = 0
    lag: int | None = None
    published: int = 0
    refill: Refilling | None = None


Kind = Literal[
    "missing", "duplicate", "out_of_order", "unknown", "different_id", "different_bytes", "different_subject"
]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Where journal and stream differ: the tenant's sequences `first` to `last`, at stream sequence `stream_first` on.

    `missing`: not on the stream. `duplicate`: there once more. `out_of_order`: there, but later than it should be.
    `unknown`: on the stream but no event of the journal (tenant and sequences as the message claims, or empty).
    `different_id`, `different_bytes`, `different_subject`: there, but not as the journal has it.
    """

    kind: Kind
    tenant: str = ""
    first: str = ""
    last: str = ""
    stream_first: int = 0
    stream_last: int = 0
    count: int = 1


class Reconciled(msgspec.Struct, frozen=True, kw_only=True, tag_field="report", tag="reconciled"):
    """Journal and stream compared, whole: how many events and messages, and every difference."""

    events: int
    messages: int
    findings: list[Finding]


class Refilled(msgspec.Struct, frozen=True, kw_only=True, tag_field="report", tag="refilled"):
    """The stream was filled again: its new generation, how many events.

    The tenants where this is recorded, and those where it is not (yet), with the reason.
    """

    generation: int
    events: int
    recorded: list[str]
    unrecorded: dict[str, str]
