"""A programme in numbers, as text."""

from __future__ import annotations

from typing import Any

from milepost.cli.asking import Asking, percent, plain


def show_figures(asking: Asking, figures: dict[str, Any]) -> None:
    """Print the figures of a programme as answered."""
    out = asking.out
    out.pairs(
        [
            ("goals", str(figures["goals"])),
            ("now", _counts(figures["funnel"])),
            ("ever reached", _counts(figures["reached"])),
            ("results", _counts(figures["results"])),
            ("health", _counts(figures["health"])),
            ("mean score", plain(figures["mean_score"])),
            ("agreement", _agreement(figures["time_to_agreement"])),
            ("deadline slip", _slip(figures["deadline_slip"])),
            *_people(figures["engagement"], figures["attrition"]),
        ]
    )
    if figures["surveys"]:
        out.heading("Surveys")
        out.table(("title", "held", "answered", "response", "means"), [_survey(one) for one in figures["surveys"]])
    if figures["money"]:
        out.heading("Money")
        names = ("currency", "cost", "benefit", "return_on_investment")
        columns = tuple(name.replace("_", " ") for name in names)
        out.table(columns, [[plain(one[name]) for name in names] for one in figures["money"]])


def _agreement(told: dict[str, Any]) -> str:
    if not told["goals"]:
        return ""
    return f"after {told['median_days']} days (median of {told['goals']} goals), 90 % within {told['p90_days']}"


def _slip(told: dict[str, Any]) -> str:
    if not told["shifts"]:
        return "none"
    return f"{told['shifts']} shifts of {told['goals']} goals, {told['days']} days: {_counts(told['by_reason'])}"


def _people(engaged: dict[str, Any], left: dict[str, Any]) -> list[tuple[str, str]]:
    rate = percent(left["rate"]) or "0 %"
    taking = f"{engaged['participants']} take part, {engaged['with_goal']} with a goal"
    held = f"{engaged['check_ins']} held, {engaged['check_ins_overdue']} overdue"
    gone = f"{left['goals_abandoned']} goals abandoned, {left['mentorships_cancelled']} mentorships cancelled"
    return [
        ("people", f"{taking}, {engaged['active_last_30_days']} active in the last 30 days"),
        ("check-ins", f"{held}, {engaged['check_ins_per_goal'] or 0} a goal"),
        ("feedback", str(engaged["feedback"])),
        ("left", f"{left['withdrawn']} of {left['enrolled']} ({rate}), {gone}"),
    ]


def _survey(one: dict[str, Any]) -> list[str]:
    means = ", ".join(f"{score['question']}: {score['mean']}" for score in one["scores"])
    answered = f"{one['answered']} of {one['invited']}"
    return [plain(one["title"]), one["held_on"], answered, percent(one["response"]), means]


def _counts(told: dict[str, int]) -> str:
    """Return counts by name in one line."""
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in told.items() if count)
