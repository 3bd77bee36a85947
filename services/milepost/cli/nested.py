"""Nested values have a short form each, such as `maya=mentee` or `evaluation="a first try"`; JSON does as well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from milepost.cli.errors import misused
from milepost.cli.forms import SIMPLE, Form, FormError, day, decimal, one_of, person, yes_or_no
from milepost.cli.members import Member, members

if TYPE_CHECKING:
    from milepost.cli.filling import Filling


async def _party(filling: Filling, member: Member, text: str) -> dict[str, Any]:
    who, role = _split(text, "=", "WHO=ROLE, such as maya=mentee")
    return {"ref": person(filling, who), "role": one_of(_within(member, "role"), role)}


async def _cadence(filling: Filling, member: Member, text: str) -> dict[str, Any]:
    rhythm, anchor = _halves(text, "@")
    began = {"anchor": day(anchor or "today", filling.today)}
    if match := re.fullmatch(r"([0-9]{1,3})d", rhythm):
        return {"rhythm": "days", "days": int(match[1]), **began}
    rhythm = {"biweekly": "bi_weekly"}.get(rhythm, rhythm)
    try:
        return {"rhythm": one_of(_within(member, "rhythm"), rhythm), **began}
    except FormError as error:
        raise FormError("a cadence is weekly, bi_weekly, monthly or 10d, perhaps with @DATE to count from") from error


async def _waiver(_: Filling, member: Member, text: str) -> dict[str, Any]:
    check, reason = _split(text, "=", 'CHECK=REASON, such as evaluation="a first try"')
    return {"check": one_of(_within(member, "check"), check), "reason": reason}


async def _criterion(_: Filling, __: Member, text: str) -> dict[str, Any]:
    criterion, told = _split(text, "=", "CRITERION=yes or no, perhaps with :NOTE, such as specific=yes")
    met, note = _halves(told, ":")
    return {"criterion": criterion.replace("-", "_"), "met": yes_or_no(met)} | ({"note": note} if note else {})


async def _rubric_ref(_: Filling, __: Member, text: str) -> dict[str, Any]:
    id_, version = _halves(text, "@")
    return {"id": id_, "version": _version(version or "1")}


async def _rubric(_: Filling, __: Member, text: str) -> dict[str, Any]:
    head, criteria = _split(text, ":", "ID@VERSION:CRITERION,CRITERION,...")
    id_, version = _halves(head, "@")
    named = [criterion.strip() for criterion in criteria.split(",")]
    return {"id": id_, "version": _version(version or "1"), "criteria": named}


async def _template(filling: Filling, _: Member, text: str) -> dict[str, Any]:
    programme, slash, rest = text.partition("/")
    if not slash:
        raise FormError("a template is PROGRAMME/TEMPLATE, perhaps with @VERSION")
    name, version = _halves(rest, "@")
    programme_id = await filling.find.programme(programme)
    template = await filling.find.of_programme(programme_id, "template", name)
    if not version:
        offered = (await filling.find.programme_answer(programme_id)).templates
        version = str(max((one.version for one in offered if one.template == template), default=1))
    return {"programme": programme_id, "id": template, "version": _version(version)}


async def _measure(filling: Filling, member: Member, text: str) -> dict[str, Any]:
    head, *rest = re.split(r",(?=[a-z_]+=)", text)
    name, target = _split(head, "=", 'NAME=TARGET, perhaps with ,kind=..., such as "talks given=3,unit=talks"')
    value: dict[str, Any] = {"measure": filling.new_id(), "name": name, "target": decimal(target)}
    known = members(_struct(member))
    for part in rest:
        key, told = _split(part, "=", "MEMBER=VALUE")
        if key not in known or known[key].many:
            raise FormError(f"a measure has no {key!r} that can be given here; give it as JSON")
        value[key] = await FORMS[known[key].form](filling, known[key], told)
    return measure_defaults(value)


def measure_defaults(value: dict[str, Any]) -> dict[str, Any]:
    """Return a measure's members, the ones left out filled in: a count that increases, in a unit that fits its kind."""
    kind = value.get("kind") or "count"
    binary, percent = kind == "binary", value.get("delta_mode") == "percent"
    unit = "yes or no" if binary else "%" if percent else "points" if kind in ("average", "delta") else "times"
    filled = {"kind": kind, "direction": "increase", "unit": unit} | ({"target": "1"} if binary else {})
    return filled | {name: given for name, given in value.items() if given is not None}


async def _disposition(filling: Filling, member: Member, text: str) -> dict[str, Any]:
    goal, told = _split(text, "=", "GOAL=keep, pause, close or place:MENTORSHIP")
    disposition, mentorship = _halves(told, ":")
    value = {
        "goal": await filling.find.goal(goal),
        "disposition": one_of(_within(member, "disposition"), disposition),
    }
    return value | ({"mentorship": await filling.find.mentorship(mentorship)} if mentorship else {})


async def _agreement(filling: Filling, _: Member, text: str) -> dict[str, Any]:
    who, on = _halves(text, "@")
    return {"party": person(filling, who)} | ({"on": day(on, filling.today)} if on else {})


async def _account(_: Filling, __: Member, text: str) -> dict[str, Any]:
    system, account = _split(text, ":", "SYSTEM:ACCOUNT, such as github:maya")
    return {"system": system, "account": account}


async def _score(_: Filling, __: Member, text: str) -> dict[str, Any]:
    form = "QUESTION=MEAN/ANSWERS, such as useful=4.2/18"
    question, told = _split(text, "=", form)
    mean, answers = _split(told, "/", form)
    return {"question": question, "mean": decimal(mean), "answers": _version(answers)}


async def _origin(_: Filling, __: Member, text: str) -> dict[str, Any]:
    system, ref = _halves(text, ":")
    return {"system": system} | ({"ref": ref} if ref else {})


def _struct(member: Member) -> type[msgspec.Struct]:
    assert member.struct is not None  # noqa: S101  the form of a Struct is only used for one
    return member.struct


def _within(member: Member, name: str) -> Member:
    return members(_struct(member))[name]


def _split(text: str, at: str, form: str) -> tuple[str, str]:
    before, found, after = text.partition(at)
    if not found or not before or not after:
        raise FormError(f"the form is {form}")
    return before.strip(), after.strip()


def _halves(text: str, at: str) -> tuple[str, str]:
    before, _, after = text.partition(at)
    return before, after


def _version(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise FormError(f"{text!r} is no whole number")
    return int(text)


FORMS: dict[str, Form] = SIMPLE | {
    "Party": _party,
    "Cadence": _cadence,
    "Waiver": _waiver,
    "Criterion": _criterion,
    "RubricRef": _rubric_ref,
    "Rubric": _rubric,
    "TemplateRef": _template,
    "Measure": _measure,
    "GoalDisposition": _disposition,
    "Agreement": _agreement,
    "Account": _account,
    "SurveyScore": _score,
    "Origin": _origin,
}


async def value(filling: Filling, member: Member, text: Any, option: str) -> Any:
    """Return what *text*, typed for *option*, stands for; raises VerbError `bad_value` naming the option."""
    if not isinstance(text, str):
        return text
    try:
        if member.struct is not None and text.lstrip().startswith("{"):
            return msgspec.json.decode(text, type=dict[str, Any])
        return await FORMS[member.form](filling, member, text)
    except (FormError, msgspec.MsgspecError) as error:
        raise misused("bad_value", f"{error}.", option) from error
