"""`history`: what happened to a goal and who did it; as it was at any point, and what differs between two."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import msgspec

from milepost.cli.asking import told
from milepost.cli.errors import VerbError, misused
from milepost.cli.forms import FormError, day, person
from milepost.cli.out import Out
from milepost.cli.reasons import reason
from milepost.cli.session import Reached, Session, connection
from milepost.cli.verbs import Parted, Verb
from milepost.cli.where import Where
from milepost_contracts.queries import (
    PAGE_MAX,
    AsOf,
    AsOfAnswer,
    Diff,
    DiffAnswer,
    History,
    HistoryAnswer,
)
from milepost_contracts.queries.moments import MomentError, parse_moment
from milepost_contracts.subjects import tenant_id

if TYPE_CHECKING:
    from milepost.cli.history_shown import Showing

KINDS = ("goal", "mentorship", "programme", "person", "tenant")
_PAGE = 20  # what fits on a screen
# What narrows or widens the list, and says nothing about a point in time.
_LISTING = ("event", "actor", "since", "until", "caused_by", "state", "oldest_first", "follow")
_TEXT = """Tell what happened: who did what, when, why, and what it changed; the newest first.

REF is a goal's id, a part of it, or words of its title; with --kind of something else. A point in time is
2026-03-01T09:30Z, 2026-03-01 (the end of that day in UTC), yesterday, -2w, v7 (its seventh event), s1234 (a sequence)
or now."""


class Looked:
    """One look at the past: what is looked at, who looks, and where it is shown."""

    def __init__(self, session: Session, out: Out, values: dict[str, Any]) -> None:
        """Take what was typed."""
        self.session = session
        self.out = out
        self.values = values
        self._id = ""

    @property
    def showing(self) -> Showing:
        """Where it is shown."""
        from milepost.cli.history_shown import Showing

        return Showing(self.out, self.session.names)

    async def begin(self) -> dict[str, Any]:
        """Return what every question says: what it is about, and why it is asked."""
        self._id = self._id or await self._found()
        return {"aggregate": self.values["kind"], "id": self._id, "reason": self.values["reason"]}

    async def _found(self) -> str:
        from milepost.cli.filling import Filling
        from milepost.cli.finding import Finder

        kind, ref = self.values["kind"], self.values["ref"]
        if kind == "tenant" and ref is None:
            return tenant_id(self.session.tenant)
        if ref is None:
            raise misused("missing", f"Say which {kind}.", "ref")
        finder = Finder(self.session)
        if kind == "person":
            try:
                return person(Filling(self.session, "person"), ref).partition(":")[2]
            except FormError as error:
                raise misused("bad_value", f"{error}.", "ref") from error
        if kind == "tenant":
            return str(ref)
        found: str = await {"goal": finder.goal, "mentorship": finder.mentorship, "programme": finder.programme}[kind](
            ref
        )
        return found

    def moment(self, text: str | None, option: str) -> str | None:
        """Return the point in time in *text*, as the bus has it; raises VerbError."""
        if text is None:
            return None
        import datetime as dt

        try:
            parse_moment(text)
        except MomentError as error:
            try:
                return day(text, dt.datetime.now(dt.UTC).date())
            except FormError:
                raise misused("bad_value", f"{error}.", option) from error
        return text

    def actors(self) -> list[str]:
        """Return the actors that were named, people by reference."""
        from milepost.cli.filling import Filling

        found = []
        for text in self.values["actor"]:
            if text.startswith(("service:", "plugin:")):
                found.append(text)
                continue
            try:
                found.append(person(Filling(self.session, "goal"), text))
            except FormError as error:
                raise misused("bad_value", f"{error}.", "actor") from error
        return found

    def bitemporal(self) -> dict[str, Any]:
        """Return by which time is asked."""
        values = self.values
        if values["known_at"] is not None and not values["effective"]:
            raise misused("bad_usage", "--known-at says what was known when: it goes with --effective.", "known-at")
        members: dict[str, Any] = {"effective": values["effective"]}
        if values["known_at"] is not None:
            members["known_at"] = self.moment(values["known_at"], "known-at")
        return members

    async def as_of(self) -> None:
        """Show it as it was."""
        members = await self.begin() | self.bitemporal() | {"at": self.moment(self.values["as_of"], "as-of")}
        members |= {"fields": list(self.values["field"]), "cursor": self.values["cursor"]}
        if self.values["limit"]:
            members["limit"] = self.values["limit"]
        answer = await self.session.ask(AsOf, AsOfAnswer, **members)
        if self.out.as_json:
            self.out.document(answer)
            return
        from milepost.cli.history_state import show_state

        showing = self.showing
        show_state(showing, told(msgspec.to_builtins(answer) | {"unread": _unread(answer)}))
        showing.more(answer.next)

    async def diff(self) -> None:
        """Show what differs between two points."""
        values = self.values
        a, b = (self.moment(text, "diff") for text in values["diff"])
        members = await self.begin() | self.bitemporal() | {"a": a, "b": b, "fields": list(values["field"])}
        answer = await self.session.ask(
            Diff, DiffAnswer, **members, limit=values["limit"] or PAGE_MAX, cursor=values["cursor"]
        )
        if self.out.as_json:
            self.out.document(answer)
            return
        showing = self.showing
        showing.diff(told(msgspec.to_builtins(answer)), *values["diff"], full=values["full"])
        showing.more(answer.next)

    async def history(self) -> HistoryAnswer:
        """Show a page of entries."""
        values = self.values
        narrowing = {
            "events": list(values["event"]),
            "actors": self.actors(),
            "fields": [name.replace("-", "_") for name in values["field"]],
            "since": self.moment(values["since"], "since"),
            "until": self.moment(values["until"], "until"),
            "by": values["by"],
            "caused_by": values["caused_by"],
            "oldest_first": values["oldest_first"] or values["follow"],
            "state": values["state"],
        }
        answer = await self.session.ask(
            History, HistoryAnswer, **await self.begin(), **narrowing, limit=values["limit"] or _PAGE,
            cursor=values["cursor"],
        )  # fmt: skip
        self._show(answer)
        return answer

    def _show(self, answer: HistoryAnswer) -> None:
        values = self.values
        if self.out.as_json and not values["follow"]:
            self.out.document(answer)
        elif self.out.as_json:
            for entry in answer.entries:
                self.out.record(entry)
        else:
            showing = self.showing
            showing.history(told(msgspec.to_builtins(answer)), full=values["full"], only=values["field"])
            if not values["follow"]:
                showing.more(answer.next)

    async def follow(self, where: Where, nc: Any, asker: Any) -> None:
        """Show what there is, and then what comes, until Ctrl-C."""
        from milepost.asking import AskedEvents
        from milepost.cli.following import Following

        answer = await self.history()
        while answer.next is not None:
            self.values["cursor"] = answer.next
            answer = await self.history()
        self.values["cursor"] = None
        following = Following(nc, where.tenant, AskedEvents(asker, where.actor), said=self.out.note)
        async for page in following.pages(int(answer.sequence)):
            for event in page:
                if event.aggregate_id == self._id:
                    self.values |= {"since": f"s{event.number}", "until": f"s{event.number}"}
                    await self._surely()

    async def _surely(self) -> None:
        """Show what just happened, however long it takes until somebody answers: it is shown once."""
        while True:
            try:
                await self.history()
            except VerbError as error:
                if error.word != "failed":
                    raise
                self.out.note("Nobody tells of the past now; trying to go on ...")
            else:
                return


def _unread(answer: AsOfAnswer) -> list[Any]:
    unread: list[Any] = msgspec.to_builtins(answer.unread)
    return unread


async def _look(where: Where, out: Out, values: dict[str, Any]) -> None:
    from milepost.asking import Asker

    tenant, actor, names = where.tenant, where.actor, where.names
    async with connection(where, lasting=values["follow"]) as nc:
        asker = Asker(nc, "cli")
        looked = Looked(Session(Reached(asker), tenant=tenant, actor=actor, names=names, memory=where), out, values)
        if values["as_of"] is not None:
            await looked.as_of()
        elif values["diff"] is not None:
            await looked.diff()
        elif values["follow"]:
            await looked.follow(where, nc, asker)
        else:
            await looked.history()


def _history(where: Where, out: Out, **values: Any) -> None:
    points = [name for name in ("as_of", "diff") if values[name] is not None]
    if len(points) > 1:
        raise misused("bad_usage", "--as-of and --diff are two questions: ask one.", "as-of")
    if points and (told_off := [name for name in _LISTING if values[name]]):
        option = told_off[0].replace("_", "-")
        raise misused("bad_usage", f"--{option} is about the list: leave it out at a point in time.", option)
    if not points and (values["effective"] or values["known_at"]):
        raise misused("bad_usage", "--effective goes with --as-of and --diff; the list has --by.", "effective")
    try:
        asyncio.run(_look(where, out, values))
    except KeyboardInterrupt:
        if not values["follow"]:
            raise


def _options() -> list[click.Parameter]:
    narrow, point = "Narrowing", "At a point in time"
    return [
        click.Argument(["ref"], metavar="REF", required=False, help="which one"),
        click.Option(["--kind"], type=click.Choice(KINDS), default="goal", show_default=True, help="what REF is"),
        click.Option(["--full"], is_flag=True, help="everything about each event, field by field"),
        click.Option(["--state"], is_flag=True, help="the state after each event beside it"),
        click.Option(["--oldest-first"], is_flag=True, help="as it came"),
        click.Option(["--follow"], is_flag=True, help="oldest first, and then go on as it happens, until Ctrl-C"),
        click.Option(["--limit"], type=click.IntRange(1, PAGE_MAX), metavar="N", help=f"rows [default: {_PAGE}]"),
        click.Option(["--cursor"], metavar="CURSOR", help="where the last page ended"),
        reason(),
        Parted(["--event"], multiple=True, metavar="NAME", part=narrow, help="such as deadline-shifted; repeatable"),
        Parted(
            ["--actor"], multiple=True, metavar="WHO", part=narrow,
            help="a person, service:NAME, plugin:NAME; repeatable",
        ),
        Parted(
            ["--field"], multiple=True, metavar="FIELD", part=narrow,
            help="what changed it: deadline, measures, milestones.ID ...; repeatable",
        ),
        Parted(["--since"], metavar="MOMENT", part=narrow, help="from then on"),
        Parted(["--until"], metavar="MOMENT", part=narrow, help="up to then"),
        Parted(
            ["--by"], type=click.Choice(("recorded", "occurred")), default="recorded", show_default=True, part=narrow,
            help="which time --since and --until mean",
        ),
        Parted(["--caused-by"], metavar="ID", part=narrow, help="of this command or correlation"),
        Parted(["--as-of"], metavar="MOMENT", part=point, help="its state, progress and health then"),
        Parted(["--diff"], nargs=2, metavar="MOMENT MOMENT", part=point, help="what differs between the two"),
        Parted(
            ["--effective"], is_flag=True, part=point,
            help="by when it happened, as far as it is known, not by when it was recorded",
        ),
        Parted(["--known-at"], metavar="MOMENT", part=point, help="with --effective: as it was known then"),
    ]  # fmt: skip


def history() -> Verb:
    """Return `history`."""
    examples = [
        "milepost history presentations --as maya",
        "milepost history presentations --field deadline --full --as maya",
        "milepost history presentations --as-of v20 --as maya",
        "milepost history presentations --diff v5 now --as maya",
        "milepost history maya-ben --kind mentorship --as maya",
    ]
    return Verb("history", _history, _options(), examples=examples, text=_TEXT)
