"""The tables of one plugin: how far it has read, what it keeps, and what of it goes out."""

from __future__ import annotations

from milepost.database import Table

MODEL = 2  # raised when a table changes; another version's tables are refused, never guessed at
NAME = "plugin"  # the key of the one row of `status`

# The row that every transaction writes first: whoever writes at the same time waits for it. `counter` numbers what
# comes in order; `held` says which of HELD had rows when it was written last; times are in microseconds.
STATUS = Table(
    "status",
    (
        ("name", "text"),
        ("model", "int"),
        ("generation", "int"),
        ("stream_sequence", "int"),
        ("mode", "text"),
        ("replay_until", "int"),
        ("paused", "text"),
        ("why", "text"),
        ("disabled", "int"),
        ("version", "text"),
        ("started", "int"),
        ("since", "text"),
        ("handled", "int"),
        ("failed", "int"),
        ("us_total", "int"),
        ("us_max", "int"),
        ("counter", "int"),
        ("held", "int"),
    ),
    1,
)
SEQUENCE = Table("sequence", (("tenant", "text"), ("number", "int")), 1)
STATE = Table("state", (("tenant", "text"), ("key", "text"), ("value", "bytes")), 2)
TIMER = Table("timer", (("tenant", "text"), ("key", "text"), ("at", "text")), 2, (("at",),))
# Timers that came due in a replay: listed instead of fired.
LISTED = Table("listed", (("tenant", "text"), ("key", "text"), ("at", "text"), ("listed", "text")), 3)
# A row with dry = 1 lies over the one with dry = 0: what a dry run granted or revoked was never told to anybody.
GRANTED = Table(
    "granted",
    (
        ("tenant", "text"),
        ("id", "text"),
        ("dry", "int"),
        ("number", "int"),
        ("goal", "text"),
        ("person", "text"),
        ("body", "bytes"),
    ),
    3,
    (("tenant", "number"), ("tenant", "goal"), ("tenant", "person")),
)
# A key stays for ever, with the hash of its content: it is what prevents doing a thing twice. `due`: when it is to be
# tried next; `at`: since when it is in its state; `tries`: attempts since somebody asked for it anew; `changed`: how
# often other content came under its key.
OUTBOX = Table(
    "outbox",
    (
        ("key", "text"),
        ("number", "int"),
        ("state", "text"),
        ("dry", "int"),
        ("kind", "text"),
        ("name", "text"),
        ("tenant", "text"),
        ("cause", "text"),
        ("due", "text"),
        ("at", "text"),
        ("attempts", "int"),
        ("tries", "int"),
        ("last_code", "text"),
        ("hash", "text"),
        ("changed", "int"),
        ("trimmed", "int"),
        ("arguments", "bytes"),
        ("document", "bytes"),
    ),
    1,
    (("state", "due"), ("state", "number"), ("number", "state"), ("trimmed", "at"), ("changed",)),
)
FACT = Table(
    "fact",
    (
        ("id", "text"),
        ("number", "int"),
        ("state", "text"),
        ("subject", "text"),
        ("hash", "text"),
        ("changed", "int"),
        ("document", "bytes"),
    ),
    1,
    (("state", "number"), ("number", "state")),
)
PARKED = Table(
    "parked",
    (
        ("event", "text"),
        ("number", "int"),
        ("tenant", "text"),
        ("sequence", "int"),
        ("aggregate", "text"),
        ("id", "text"),
        ("code", "text"),
        ("hook", "text"),
        ("error", "text"),
        ("place", "text"),
        ("attempts", "int"),
        ("mode", "text"),
        ("since", "text"),
        ("tried", "text"),
        ("document", "bytes"),
    ),
    1,
    (("number",), ("tenant", "aggregate", "id")),
)
# Past events that come again: `next` is the sequence of the one that comes next, after `last` it is done.
REPLAY = Table(
    "replay",
    (
        ("id", "text"),
        ("number", "int"),
        ("tenant", "text"),
        ("first", "int"),
        ("last", "int"),
        ("next", "int"),
        ("arguments", "bytes"),
    ),
    1,
    (("number",),),
)

TABLES = (STATUS, SEQUENCE, STATE, TIMER, LISTED, GRANTED, OUTBOX, FACT, PARKED, REPLAY)
HELD = (STATE, TIMER, GRANTED)  # what a plugin keeps; each has the bit of its place here in `held`
