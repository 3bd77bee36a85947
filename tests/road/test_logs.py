"""Logs: JSON where nobody looks, errors by type and place, and never their messages."""

from __future__ import annotations

import io
import json

from milepost import logs


def test_an_error_is_told_without_what_it_says() -> None:
    """An exception's message and variables may hold people's words: type and lines are all that is told."""
    out = io.StringIO()
    logs.configure(out, json=True)
    wish = "my secret wish"
    try:
        int(wish)
    except ValueError as error:
        logs.logger("accept").exception("defect")
        logs.logger("accept").error("defect", exc_info=error)
    finally:
        logs.configure()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["error"], line["stage"], line["level"]) for line in lines] == [("ValueError", "accept", "error")] * 2
    assert all("test_logs.py" in line["trace"][0] for line in lines)
    assert wish not in out.getvalue()


def test_levels_leave_out_what_nobody_asked_for() -> None:
    """At level warning, information is not written."""
    out = io.StringIO()
    logs.configure(out, json=True, level="warning")
    logs.logger("view").info("read")
    logs.logger("view").warning("events_missing")
    logs.configure()
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["events_missing"]
