"""The evolution of goals as text: figures of all, then the goals of the page, their slips and their way to SMART."""

from __future__ import annotations

from typing import Any

from milepost.cli.asking import percent, plain
from milepost.cli.history_shown import Showing, minute
from milepost.cli.out import Out
from milepost.cli.where import Names

Tree = dict[str, Any]
_STATES = ("drafted", "proposed", "active", "paused", "closed")
_RUNNING = ("active", "paused")


class Evolved:
    """Shows one page; people and things by their names."""

    def __init__(self, out: Out, names: Names, answer: Tree, *, slips: bool, smart: bool) -> None:
        """Take where it is shown, what people are called, the answer with unreadable words told, and what is wanted."""
        self.out = out
        self.answer = answer
        self.slips = slips
        self.smart = smart
        self.named = Showing(out, names).named

    def show(self) -> None:
        """Print it."""
        told = self.answer
        self.out.line(told["title"] or "All goals", bold=True)
        since = f", compared with {minute(told['since'])}" if told["since"] else ""
        self.out.line(f"as of {minute(told['at'])} UTC (s{int(told['sequence'])}){since}")
        self.out.line()
        self._figures(told["figures"])
        self._goals()
        if self.slips:
            self._slips()
        if self.smart:
            for goal in told["goals"]:
                if goal["smart"] is not None:
                    self._smart(goal)
        if told["next"] is not None:
            self.out.note(f"More: --cursor {told['next']}")

    def _figures(self, told: Tree) -> None:
        before = f" ({told['goals_before']} then)" if told["goals_before"] is not None else ""
        slips, smart = told["slips"], told["smart"]
        self.out.pairs(
            [
                ("goals", f"{told['goals']}{before}{_colon(_counts(told['states'], _STATES))}"),
                ("results", _counts(told["results"])),
                ("health", _counts(told["health"])),
                ("progress", f"{percent(told['progress'])} on average of those that run" if told["progress"] else ""),
                ("happened", _counts(told["changed"])),
                ("slips", _slipped(slips)),
                ("SMART", _became(smart)),
            ]
        )

    # the goals
    def _goals(self) -> None:
        goals = self.answer["goals"]
        self.out.line()
        if self.answer["since"] is None:
            columns = ("goal", "title", "state", "owner", "deadline", "done", "health", "rev.", "agreed")
            rows = [self._row(goal["goal"], goal["then"]) for goal in goals if goal["then"]["inside"]]
            self.out.table(columns, rows, empty="No goals then.", spare="goal")
            return
        columns = ("goal", "title", "happened", "state", "deadline", "done", "health", "rev.", "agreed")
        rows = [self._compared(goal) for goal in goals if goal["changed"] or _differs(goal)]
        self.out.table(columns, rows, empty="Nothing changed.", spare="goal")
        if same := len(goals) - len(rows):
            self.out.note(f"{same} {'goals' if same > 1 else 'goal'} on this page stood the same at both: left out.")

    def _row(self, id_: str, then: Tree) -> list[str]:
        return [
            self.named(id_), plain(then["title"]), _state(then), self.named(then["owner"]), plain(then["deadline"]),
            percent(then["progress"]), _health(then), plain(then["revision"]), self._agreed(then),
        ]  # fmt: skip

    def _agreed(self, then: Tree) -> str:
        return ", ".join(map(self.named, then["agreed"])) + (" (open)" if then["agreement_open"] else "")

    def _compared(self, goal: Tree) -> list[str]:
        now, was = goal["then"], goal["before"]
        pairs = [
            (_state(was), _state(now)), (plain(was["deadline"]), plain(now["deadline"])),
            (percent(was["progress"]), percent(now["progress"])), (_health(was), _health(now)),
            (plain(was["revision"]), plain(now["revision"])), (self._agreed(was), self._agreed(now)),
        ] if was else [
            ("", _state(now)), ("", plain(now["deadline"])), ("", percent(now["progress"])), ("", _health(now)),
            ("", plain(now["revision"])), ("", self._agreed(now)),
        ]  # fmt: skip
        happened = ", ".join(what.replace("_", " ") for what in goal["changed"])
        return [self.named(goal["goal"]), plain(now["title"]), happened, *(_step(*pair) for pair in pairs)]

    def _slips(self) -> None:
        self.out.heading("Slips")
        rows = [
            [
                self.named(goal["goal"]), slip["on"][:10], self.named(slip["event"]["actor"]), slip["old"], slip["new"],
                f"{slip['days']:+}", slip["reason_code"], plain(slip["reason"]), self.voided(slip),
                f"s{slip['event']['sequence']}",
            ]
            for goal in self.answer["goals"]
            for slip in goal["slips"]
        ]  # fmt: skip
        columns = ("goal", "on", "by", "from", "to", "days", "code", "why", "whose yes it ended", "event")
        self.out.table(columns, rows, empty="No deadline was moved.", spare="event")

    def voided(self, slip: Tree) -> str:
        """Return whose yes a slip ended, and when they agreed again."""
        return ", ".join(
            f"{self.named(one['party'])}, " + (f"again after {one['days']} d" if one["event"] else "not again")
            for one in slip["voided"]
        )

    # the way to SMART
    def _smart(self, goal: Tree) -> None:
        told = goal["smart"]
        starter = f"“{told['starter']}”" if told["starter"] else "(words that cannot be read)"
        became = f" → “{told['title']}”" if told["title"] != told["starter"] else ""
        self.out.heading(f"{self.named(goal['goal'])}: {starter}{became}")
        begun = "imported" if told["imported"] else "from a template" if told["from_template"] else "brought"
        days = [
            (told["days_to_smart"], "SMART"), (told["days_to_proposal"], "proposed"),
            (told["days_to_agreement"], "agreed"), (told["days_to_activation"], "active"),
        ]  # fmt: skip
        reached = ", ".join(f"{name} after {count} d" for count, name in days if count is not None)
        counts = ", ".join(
            f"{told[name]} {what}{'' if told[name] == 1 else 's'}"
            for name, what in (
                ("revisions", "revision"), ("refinements", "refinement"), ("measures_defined", "measure"),
                ("evaluations", "evaluation"),
            )
        )  # fmt: skip
        self.out.pairs(
            [
                (begun, told["brought"][:10]),
                ("then", reached or "never SMART, nor proposed"),
                ("took", counts),
                ("checklist", "; ".join(map(_criterion, told["criteria"]))),
            ]
        )
        rows = [
            [step["on"][:10], self.named(step["event"]["actor"]), step["what"].replace("_", " "), self.step(step),
             f"{step['revision']}", f"v{step['event']['version']}"]
            for step in told["steps"]
        ]  # fmt: skip
        self.out.table(("on", "by", "step", "", "rev.", "event"), rows, spare="event")
        if told["more"]:
            self.out.note(f"{told['more']} further steps: milepost history has them.")

    def step(self, step: Tree) -> str:
        """Return what a step brought, in one line."""
        fields = ", ".join(name for name in step["fields"] if name != "title")
        passed = (
            "" if step["passed"] is None else "passed" if step["passed"] else f"not met: {', '.join(step['unmet'])}"
        )
        trigger = (step["trigger"] or "").replace("_", " ")
        measure = f"{step['measure']}: {step['target']}" if step["target"] else plain(step["measure"])
        title = f"“{step['title']}”" if step["title"] else ""
        deadline = f"due {step['deadline']}" if step["deadline"] else ""
        return "; ".join(filter(None, (title, fields, measure, deadline, passed, trigger)))


def _differs(goal: Tree) -> bool:
    """Whether a goal to which nothing happened stands otherwise all the same: readings came, or days passed."""
    was, now = goal["before"], goal["then"]
    return was is None or any(was[name] != now[name] for name in ("progress", "agreed", "revision", "inside", "health"))


def _state(then: Tree) -> str:
    outside = "" if then["inside"] else " (elsewhere)"
    result = f", {then['result'].replace('_', ' ')}" if then["result"] else ""
    return f"{then['state']}{result}{outside}"


def _health(then: Tree) -> str:
    return str(then["health"]) if then["state"] in _RUNNING else ""


def _step(was: str, now: str) -> str:
    # What has no health any more, or no deadline yet, says nothing.
    return now if was in ("", now) or not now else f"{was} → {now}"


def _counts(told: Tree, order: tuple[str, ...] = ()) -> str:
    names = [name for name in order if name in told] + [name for name in told if name not in order]
    return ", ".join(f"{told[name]} {name.replace('_', ' ')}" for name in names)


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _slipped(told: Tree) -> str:
    if not told["goals"]:
        return "none"
    earlier = f", {told['earlier']} earlier" if told["earlier"] else ""
    yeses = f"; {told['voided']} yeses ended, {told['agreed_again']} given again" if told["voided"] else ""
    reasons = _counts(told["by_reason"])
    return f"{told['later']} later{earlier}, of {told['goals']} goals, {told['days']:+} days: {reasons}{yeses}"


def _became(told: Tree) -> str:
    def after(days: str | None) -> str:
        return f" after {days} d" if days is not None else ""

    if not told["brought"]:
        return ""
    return (
        f"{told['smart']} of {told['brought']} became it{after(told['days_to_smart'])}; {told['agreed']} were agreed"
        f"{after(told['days_to_agreement'])}, {told['activated']} begun{after(told['days_to_activation'])} (medians);"
        f" {told['revisions_median']} revisions"
    )


def _criterion(told: Tree) -> str:
    answers = ", ".join("yes" if met else "no" for met in told["met"])
    return f"{told['criterion'].replace('_', ' ')} {answers}"
