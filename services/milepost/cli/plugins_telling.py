"""What is known of a plugin is printed: how it is, and lists of what failed, went out or waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from milepost.cli.out import Out, clean

if TYPE_CHECKING:
    import datetime as dt

    from milepost.react.reports import Report


def stands(out: Out, report: Report) -> None:
    """Print in a line how the plugin of *report* is."""
    if out.as_json:
        out.document(report)
        return
    mode = f", {report.mode.replace('_', ' ')}" if report.state in ("starting", "running") else ""
    out.line(clean(f"{report.plugin}: {_state(report)}{mode}"))


def _state(report: Report) -> str:
    return report.state.replace("_", " ") + (f": {report.why}" if report.why else "")


def shown(out: Out, report: Report) -> None:
    """Print all of *report*."""
    if out.as_json:
        out.document(report)
        return
    out.pairs(
        [
            ("plugin", f"{report.plugin} {report.version}".strip()),
            ("summary", report.summary),
            ("distribution", report.distribution),
            ("state", _state(report)),
            ("mode", report.mode.replace("_", " ")),
            ("health", _health(report)),
            ("asked in vain", report.asked_in_vain),
        ]
    )
    if report.mode:  # its tables could be read
        _counts(out, report)
    _may(out, report)


def _health(report: Report) -> str:
    if report.healthy is None:
        return ""
    return ("well" if report.healthy else "not well") + (f": {report.health}" if report.health else "")


def _counts(out: Out, report: Report) -> None:
    lag = "not known now" if report.lag is None else f"{report.lag} events"
    mean = "" if report.ms_mean is None else f"{report.ms_mean:g} ms, at the most {report.ms_max:g} ms"
    again = ", ".join(f"{id_} {count} times" for id_, count in report.attempts.items())
    out.heading("Events")
    out.pairs(
        [
            ("behind", lag),
            ("handled", str(report.handled)),
            ("each took", mean),
            ("failed attempts", str(report.failed)),
            ("tried again now", again),
            ("parked", str(report.parked)),
            ("coming again", f"{report.replays} ranges of past events" if report.replays else ""),
        ]
    )
    out.heading("What goes out")
    waiting = f"{report.effects_sent} sent, {report.effects_waiting} waiting"
    facts = f"{report.facts_published} published, {report.facts_waiting} waiting"
    out.pairs(
        [
            ("effects", f"{waiting}, {report.effects_suppressed} suppressed, {report.effects_dead} given up"),
            ("other content", f"came {report.effects_changed} times under a known key" * bool(report.effects_changed)),
            ("facts", f"{facts}, {report.facts_suppressed} suppressed"),
        ]
    )
    out.heading("What it keeps")
    out.pairs(
        [
            ("keys", str(report.state_keys)),
            ("grants", str(report.grants)),
            ("timers", f"{report.timers} stand, {report.timers_listed} came due in a replay and were listed"),
        ]
    )


def _may(out: Out, report: Report) -> None:
    if not report.hooks:
        return
    allowed = report.permissions
    listed = [(name, ", ".join(allowed.get(name, ()))) for name in ("words", "commands", "reviews")]
    out.heading("What it sees and may")
    out.pairs(
        [
            ("events", ", ".join(report.subscriptions)),
            ("opens words", dict(listed)["words"] or "none"),
            ("sends commands", dict(listed)["commands"] or "none"),
            ("reviews", dict(listed)["reviews"] or "none"),
            ("goals as they were", "yes" if allowed.get("history") else "no"),
            ("hooks", ", ".join(report.hooks)),
        ]
    )


def listing(
    out: Out, rows: list[dict[str, Any]], columns: Mapping[str, str], empty: str, *, more: bool = False
) -> None:
    """Print *rows* as documents, or of each what *columns* (heading -> member) name."""
    if out.as_json:
        out.document(rows)
        return
    out.table(tuple(columns), [[cell(row[member]) for member in columns.values()] for row in rows], empty=empty)
    if more and rows:
        out.note(f"More: --after {rows[-1]['number']}")


def cell(value: Any) -> str:
    """Return a value as it stands in a table."""
    if value is None or value == {}:
        return ""
    if hasattr(value, "isoformat"):
        return moment(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def moment(at: dt.datetime) -> str:
    """Return an instant as a person reads it, in UTC to the second."""
    import datetime as dt

    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
