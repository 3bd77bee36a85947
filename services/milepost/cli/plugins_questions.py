"""A plugin is asked what it knows, by anybody as themselves, or to do something, by an administrator."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
import msgspec

from milepost.cli.errors import failed, misused
from milepost.cli.out import Out
from milepost.cli.plugins_bus import told
from milepost.cli.plugins_looking import name_argument, request
from milepost.cli.plugins_telling import cell
from milepost.cli.session import session
from milepost.cli.verbs import Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from milepost_contracts.queries import AskPluginAnswer

# A plugin may take a minute for a request, and one that runs a batch of events finishes that first.
ACT_S = 120.0


def _values() -> click.Argument:
    return click.Argument(["values"], metavar="[KEY=VALUE]...", nargs=-1, help="KEY=text, or KEY:=JSON")


def arguments(values: Iterable[str]) -> dict[str, Any]:
    """Return what is typed as `key=text` and `key:=JSON`; raises VerbError."""
    found: dict[str, Any] = {}
    for typed in values:
        key, equals, text = typed.partition("=")
        as_json = key.endswith(":")
        key = key.removesuffix(":")
        if not equals or not key:
            raise misused("bad_value", f"{typed!r} is no KEY=VALUE (text) or KEY:=VALUE (JSON).", "values")
        if key in found:
            raise misused("bad_value", f"{key} is given twice; several values are one list: {key}:='[...]'.", "values")
        try:
            found[key] = msgspec.json.decode(text) if as_json else text
        except msgspec.DecodeError as error:
            raise misused("bad_value", f"{key}: {text!r} is no JSON: {error}.", "values") from error
    return found


def _ask(where: Where, out: Out, *, name: str, question: str, values: tuple[str, ...], raw: str | None) -> None:
    """Ask a plugin what it knows, as yourself: the plugin decides what you may know. Its README lists the questions.

    A list of objects is shown as a table, anything else as JSON; --raw prints one member of the answer as it is, such
    as a CSV export, for redirecting into a file.
    """
    from milepost_contracts.queries import AskPlugin, AskPluginAnswer

    if raw is not None and out.as_json:
        raise misused("bad_usage", "Take one of --raw and --json.", "raw")
    members = {"plugin": name, "name": question, "arguments": arguments(values)}

    async def work() -> AskPluginAnswer:
        async with session(where) as connected:
            return await connected.ask(AskPlugin, AskPluginAnswer, **members)

    answer = asyncio.run(work())
    if raw is not None:
        out.text(_member(answer.result, raw))
    elif out.as_json:
        out.document(answer)
    else:
        _told(out, answer.result)


def _member(result: Any, way: str) -> str:
    """Return the text at *way* (`csv`, `export.csv`) in *result*; raises VerbError."""
    found = result
    for step in way.split(".") if way else ():
        if not isinstance(found, dict) or step not in found:
            known = f"it has {', '.join(found)}" if isinstance(found, dict) and found else "it has no members"
            raise failed("no_member", f"The answer has no member {way!r}; {known}.")
        found = found[step]
    return found if isinstance(found, str) else msgspec.json.format(msgspec.json.encode(found)).decode()


def _told(out: Out, result: Any) -> None:
    if isinstance(result, list) and result and all(isinstance(row, dict) for row in result):
        columns = list(dict.fromkeys(name for row in result for name in row))
        out.table(columns, [[cell(row.get(name)) for name in columns] for row in result])
    elif result == []:
        out.note("Nothing.")
    else:
        out.document(result)


def ask() -> Verb:
    """Return `plugins ask`."""
    params: list[click.Parameter] = [
        name_argument(),
        click.Argument(["question"], metavar="QUESTION", help="one that the plugin knows"),
        _values(),
        click.Option(["--raw"], metavar="MEMBER", help="print this member of the answer as it is"),
    ]
    return Verb("ask", _ask, params, examples=["milepost plugins ask thank-you mine --as maya"])


def _act(where: Where, out: Out, *, name: str, wanted: str, values: tuple[str, ...], id_: str | None) -> None:
    """Have a plugin do something in a tenant, as its administrator: its README lists the requests.

    The same request with the same --id does nothing twice: for one of which nobody knows whether it arrived.
    """
    id_ = id_ or str(uuid.uuid4())
    members = {
        "tenant": where.tenant, "actor": where.actor, "name": wanted, "id": id_, "arguments": arguments(values),
    }  # fmt: skip
    result = told(where, request("act", name, **members), answer_s=ACT_S).result
    if out.as_json:
        out.document({"plugin": name, "id": id_, "result": result})
    else:
        _told(out, result)


def act() -> Verb:
    """Return `plugins act`."""
    params: list[click.Parameter] = [
        name_argument(),
        click.Argument(["wanted"], metavar="REQUEST", help="one that the plugin knows"),
        _values(),
        click.Option(["--id", "id_"], metavar="ID", help="of the request [default: a new one]"),
    ]
    return Verb("act", _act, params, examples=["milepost plugins act thank-you mend --as priya"])
