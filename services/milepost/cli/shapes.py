"""The few verbs whose members are not simply options: terms laid flat, a checklist at once, who meets whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import click

from milepost.cli.errors import misused
from milepost.cli.filling import Filling
from milepost.cli.forms import NO, YES, FormError, decimal, person
from milepost.cli.nested import measure_defaults
from milepost_contracts.types import TermsChange

Values = dict[str, Any]


class Shape(NamedTuple):
    """Further options of a verb, and what is done with its values before and after they become members.

    `optional`: required members that `before` or `after` can fill in.
    """

    params: Callable[[], list[click.Parameter]] = list
    before: Callable[[Filling, Values], Awaitable[None]] | None = None
    after: Callable[[Filling, Values], Awaitable[None]] | None = None
    optional: tuple[str, ...] = ()


# create: values for a template's placeholders; its title may come from the template.
def _create_params() -> list[click.Parameter]:
    told = "a value for the template's placeholder NAME"
    return [click.Option(["--value"], multiple=True, metavar="NAME=TEXT", help=told)]


async def _create_after(filling: Filling, values: Values) -> None:
    template = filling.members.get("template")
    if values["value"] and not template:
        raise misused("bad_value", "Values are for a template: name it by --template.", "value")
    if template:
        filling.members.setdefault("title", "")
        pairs = [value.partition("=") for value in values["value"]]
        template["values"] = template.get("values", {}) | {name: text for name, _, text in pairs}
    elif "title" not in filling.members:
        raise misused("title_missing", "Give the goal a title, however vague, or a --template.", "title")


# refine: what is to be emptied.
def _refine_params() -> list[click.Parameter]:
    names = ("description", "focus", "priority", "horizon")  # those that may be null
    return [click.Option(["--clear"], multiple=True, type=click.Choice(names), help="leave this empty")]


async def _refine_after(filling: Filling, values: Values) -> None:
    changes = filling.members.setdefault("changes", {})
    changes |= dict.fromkeys(values["clear"])
    if not changes:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in TermsChange.__struct_fields__)
        raise misused("nothing_to_refine", f"Say what changes: {options} or --clear.", "changes")


# define-measure: the usual kind of measure, in a unit that fits.
async def _measure_before(_: Filling, values: Values) -> None:
    values |= measure_defaults({name: values[name] for name in ("kind", "direction", "unit", "target", "delta_mode")})
    if not values["target"]:
        raise misused("bad_usage", "Say when it is reached: --target NUMBER.", "target")


# evaluate: every criterion of the checklist that is not named.
def _evaluate_params() -> list[click.Parameter]:
    return [click.Option(["--met"], is_flag=True, help="every criterion that is not named is met")]


async def _evaluate_after(filling: Filling, values: Values) -> None:
    criteria = filling.members.setdefault("criteria", [])
    if values["met"]:
        named = {criterion["criterion"] for criterion in criteria}
        rubric = await _rubric(filling)
        criteria += [{"criterion": name, "met": True} for name in rubric if name not in named]
    if not criteria:
        raise misused("bad_usage", "Name the criteria (specific=yes ...), or say --met.", "criteria")


async def _rubric(filling: Filling) -> list[str]:
    """Return the criteria that the goal is held against: the named rubric's, its programme's, or the standard's."""
    from milepost.decide.goal.rubrics import BUILT_IN, STANDARD

    named = filling.members.get("rubric")
    programme = (await filling.find.goal_detail(filling.id)).programme
    rubric = (await filling.find.programme_answer(programme)).rubric if programme else None
    if rubric is not None and (named is None or named == {"id": rubric.id, "version": rubric.version}):
        return list(rubric.criteria)
    name = named["id"] if named else STANDARD
    if name not in BUILT_IN:
        raise misused("bad_usage", f"The criteria of {name!r} are not known here: name each.", "criteria")
    return list(BUILT_IN[name].criteria)


# record-progress and correct-progress: a number, a yes, or a word of the scale.
async def _reading_before(_: Filling, values: Values) -> None:
    text = values.get("reading")
    if text is None or text.lower() in YES | NO:
        return
    try:
        decimal(text)
    except FormError:
        values["step"], values["reading"] = text, None


# request: who meets whom, each by the role.
_ROLES = ("mentee", "mentor", "peer", "member")
_OTHERS = {"mentor": "mentee", "mentee": "mentor", "peer": "peer", "member": "member"}


def _request_params() -> list[click.Parameter]:
    return [click.Option([f"--{role}"], multiple=True, metavar="WHO", help=f"a party who is {role}") for role in _ROLES]


async def _request_after(filling: Filling, values: Values) -> None:
    parties: list[dict[str, str]] = filling.members.setdefault("parties", [])
    try:
        parties += [{"ref": person(filling, who), "role": role} for role in _ROLES for who in values[role]]
    except FormError as error:
        raise misused("bad_value", f"{error}.", "parties") from error
    me = filling.session.actor
    if parties and me.startswith("user:") and all(party["ref"] != me for party in parties):
        parties.insert(0, {"ref": me, "role": _OTHERS[parties[0]["role"]]})
    roles = {party["role"] for party in parties}
    few = len(parties) <= 2  # noqa: PLR2004  two people are a pair
    usual = "peer" if roles == {"peer"} else "one_to_one" if few else "circle"
    filling.members.setdefault("format", usual)


SHAPES: dict[tuple[str, str], Shape] = {
    ("goal", "create_goal"): Shape(_create_params, after=_create_after, optional=("title",)),
    ("goal", "refine_goal"): Shape(_refine_params, after=_refine_after),
    ("goal", "define_measure"): Shape(before=_measure_before, optional=("kind", "direction", "unit", "target")),
    ("goal", "evaluate_goal"): Shape(_evaluate_params, after=_evaluate_after, optional=("criteria",)),
    ("goal", "record_progress"): Shape(before=_reading_before),
    ("goal", "correct_progress"): Shape(before=_reading_before),
    ("mentorship", "request"): Shape(_request_params, after=_request_after, optional=("parties", "format")),
}
