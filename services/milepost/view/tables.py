"""The tables of the view: what is looked up by is a column, the rest of an aggregate one packed row (rows.py)."""

from __future__ import annotations

from milepost.database import Table

# Raised when what is folded or stored changes: an older set of tables is then rebuilt, never read.
MODEL = 3

NO_DEADLINE = "9999-12-31"  # sorts after every deadline that a goal can have

# The one row that says how far this set of tables has read.
CHECKPOINT = Table(
    "checkpoint", (("name", "text"), ("generation", "int"), ("stream_sequence", "int"), ("model", "int")), 1
)
# How far each tenant is: `number` is dense, so nothing up to it is missing.
SEQUENCE = Table("sequence", (("tenant", "text"), ("number", "int"), ("recorded", "text")), 1)
GOAL = Table(
    "goal",
    (
        ("tenant", "text"),
        ("goal", "text"),
        ("state", "text"),
        ("deadline", "text"),
        ("visibility", "text"),
        ("programme", "text"),
        ("card", "bytes"),
        ("detail", "bytes"),
    ),
    2,
    (("tenant", "state", "deadline", "goal"),),
)
# Whose a goal is: people by role, and `mentorship:ID`, `programme:ID` that it is placed in.
GOAL_OF = Table("goal_of", (("tenant", "text"), ("ref", "text"), ("goal", "text"), ("roles", "text")), 3)
# Readings, check-ins, comments ...: `number` is the sequence of the first event, `layers` all its events.
ENTRY = Table(
    "entry",
    (
        ("tenant", "text"),
        ("goal", "text"),
        ("kind", "text"),
        ("entry", "text"),
        ("number", "int"),
        ("author", "text"),
        ("layers", "bytes"),
    ),
    4,
)
MENTORSHIP = Table(
    "mentorship", (("tenant", "text"), ("mentorship", "text"), ("programme", "text"), ("body", "bytes")), 2
)
PROGRAMME = Table("programme", (("tenant", "text"), ("programme", "text"), ("body", "bytes")), 2)
# Who belongs to a mentorship or a programme, and as what.
MEMBER = Table(
    "member", (("tenant", "text"), ("person", "text"), ("aggregate", "text"), ("id", "text"), ("role", "text")), 4
)
TENANT = Table("tenant", (("tenant", "text"), ("body", "bytes")), 1)
# Events whose tags this version does not know: when it learns them, a rebuild is due.
UNKNOWN = Table("unknown", (("tenant", "text"), ("number", "int"), ("tag", "text")), 2)

MODELS = (SEQUENCE, GOAL, GOAL_OF, ENTRY, MENTORSHIP, PROGRAMME, MEMBER, TENANT, UNKNOWN)
TABLES = (CHECKPOINT, *MODELS)
