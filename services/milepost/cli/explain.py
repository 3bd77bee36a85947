"""`explain`: everything about one event, from who and why to whether anything was removed."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import click
import msgspec

from milepost.cli.asking import told
from milepost.cli.errors import misused
from milepost.cli.out import Out
from milepost.cli.reasons import reason
from milepost.cli.session import Session, session
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost_contracts.queries import Explain, ExplainAnswer
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import ID_PATTERN

_SEQUENCE, _VERSION = re.compile(r"s([0-9]{1,16})"), re.compile(r"v([1-9][0-9]{0,9})")
_TEXT = """Explain one event: who did it and why, who had agreed to what then, what caused it, what came of it, and
whether anything was removed around it, with the proof.

EVENT is an event's id, s1234 (the tenant's sequence), or a goal and a version: presentations v7. Of something else:
mentorship/maya-ben v3, programme/growth v2, person/maya v1, tenant v1."""


async def _named(session: Session, words: tuple[str, ...]) -> dict[str, Any]:
    """Return the members that name the event which was typed; raises VerbError."""
    if len(words) == 1 and (found := _SEQUENCE.fullmatch(words[0])):
        return {"sequence": int(found[1])}
    if len(words) == 1 and re.match(ID_PATTERN, words[0]):
        return {"event": words[0]}
    version = _VERSION.fullmatch(words[-1])
    if version is None or len(words) == 1:
        hint = "milepost history GOAL shows the versions of its events."
        raise misused("bad_usage", "Name one event: its id, s1234, or GOAL v7.", "event", hint=hint)
    aggregate, id_ = await _aggregate(session, " ".join(words[:-1]))
    return {"aggregate": aggregate, "id": id_, "version": int(version[1])}


async def _aggregate(session: Session, ref: str) -> tuple[str, str]:
    from milepost.cli.filling import Filling
    from milepost.cli.finding import Finder
    from milepost.cli.forms import FormError, person

    kind, slash, rest = ref.partition("/")
    finder = Finder(session)
    if ref == "tenant":
        return "tenant", tenant_id(session.tenant)
    if not slash or kind not in ("goal", "mentorship", "programme", "person", "tenant", "access"):
        return "goal", await finder.goal(ref)
    if kind == "person":
        try:
            return kind, person(Filling(session, "person"), rest).partition(":")[2]
        except FormError as error:
            raise misused("bad_value", f"{error}.", "event") from error
    if kind in ("tenant", "access"):
        return kind, rest
    return kind, await {"goal": finder.goal, "mentorship": finder.mentorship, "programme": finder.programme}[kind](rest)


def _explain(where: Where, out: Out, event: tuple[str, ...], **values: Any) -> None:
    async def work() -> None:
        async with session(where) as connected:
            members = await _named(connected, event)
            answer = await connected.ask(Explain, ExplainAnswer, **members, reason=values["reason"])
            if out.as_json:
                out.document(answer)
                return
            from milepost.cli.explain_shown import Explained

            Explained(out, connected.names, told(msgspec.to_builtins(answer))).show(full=values["full"])

    asyncio.run(work())


def explain() -> Verb:
    """Return `explain`."""
    params: list[click.Parameter] = [
        click.Argument(["event"], metavar="EVENT", nargs=-1, required=True, help="which one"),
        click.Option(["--full"], is_flag=True, help="ids, hashes and the proof itself too"),
        reason(),
    ]
    examples = [
        "milepost explain presentations v7 --as maya",
        "milepost explain s42 --as priya --reason 'the yearly audit'",
        "milepost explain mentorship/maya-ben v1 --as maya --full",
    ]
    return Verb("explain", _explain, params, examples=examples, text=_TEXT)
