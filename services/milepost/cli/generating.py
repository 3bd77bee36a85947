"""Every command of the contracts becomes a verb: its members are options, its answer is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from milepost.cli.curated import Curated, Default
from milepost.cli.errors import VerbError, misused
from milepost.cli.filling import Filling
from milepost.cli.members import Member, members
from milepost.cli.nested import value
from milepost.cli.out import Out
from milepost.cli.session import Session, session
from milepost.cli.shapes import SHAPES, Shape
from milepost.cli.telling import told
from milepost.cli.typed import OPTION_NAMES, Typed, placeholder, typed
from milepost.cli.verbs import Parted, Verb
from milepost.cli.where import Where
from milepost_contracts.commands import Command
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Terms, TermsChange

FLAT = (Terms, TermsChange)  # nested values whose members are options of their own
ABOUT = "subject"  # the aggregate that the command is about, as it is typed
_SUBJECTS = {
    "goal": "its id, a part of the id, or words of its title",
    "mentorship": "its id, a part of the id, or words of its purpose",
    "programme": "its id",
    "person": "me, a name of the sample, or user:UUID",
}


class Place(NamedTuple):
    """Where a member goes: `outer` is the nested value that it is laid flat from."""

    member: Member
    outer: str = ""

    @property
    def path(self) -> str:
        """Its name as defaults call it."""
        return f"{self.outer}.{self.member.name}" if self.outer else self.member.name


class Generated:
    """One command as a verb."""

    def __init__(self, command: type[Command], curated: Curated | None) -> None:
        """Take the command, and what makes it short to type."""
        self.command = command
        self.aggregate = command.AGGREGATE
        self.curated = curated or Curated("More", "")
        self.shape = SHAPES.get((command.AGGREGATE, command.NAME), Shape())
        self.places = list(_places(command))

    def verb(self, name: str) -> Verb:
        """Return the verb."""
        text = (self.command.__doc__ or "").strip()
        return Verb(name, self._call, self._params(), examples=filter(None, [self.curated.example]), text=text)

    # what can be typed
    def _params(self) -> list[click.Parameter]:
        by_place = {place.member.name: place for place in self.places if not place.outer}
        arguments: list[click.Parameter] = []
        if self.aggregate in _SUBJECTS and self.curated.makes != "id":
            label = self.aggregate.upper()
            arguments.append(click.Argument([ABOUT], metavar=label, help=_SUBJECTS[self.aggregate]))
        if self.command.NAME == "open" and self.aggregate == "tenant":
            arguments.append(
                click.Argument([ABOUT], metavar="NAME", help="what it is called in subjects: a-z, 0-9, _, -")
            )
        arguments += [self._argument(by_place[name]) for name in self.curated.args]
        options = [self._option(place) for place in self.places if place.path not in self.curated.args]
        return [*arguments, *options, *self.shape.params(), *self._envelope()]

    def _argument(self, place: Place) -> click.Argument:
        form, member = self._typed(place), place.member
        return click.Argument(
            [member.name],
            metavar=placeholder(member),
            type=form.type,
            nargs=-1 if member.many else 1,
            required=self._wanted(place),
            help=form.help,
        )

    def _option(self, place: Place) -> click.Option:
        form, member = self._typed(place), place.member
        name = OPTION_NAMES.get(member.name, member.name) if member.many else member.name
        flag = member.form == "flag"
        return click.Option(
            [f"--{name.replace('_', '-')}", member.name],
            is_flag=flag,
            default=None,
            metavar=None if flag else form.metavar,
            type=None if flag else form.type,
            multiple=member.many,
            required=self._wanted(place),
            help=form.help,
        )

    def _typed(self, place: Place) -> Typed:
        default = self.curated.defaults.get(place.path)
        made = place.path == self.curated.makes
        usual = "made" if made else default.told if default else place.member.default
        return typed(self.aggregate, place.member, usual, made=made)

    def _wanted(self, place: Place) -> bool:
        """Whether it must be typed."""
        filled = place.path in self.curated.defaults or place.path == self.curated.makes
        return place.member.required and not filled and place.path not in self.shape.optional

    def _envelope(self) -> list[click.Parameter]:
        part = "Every command"
        options: list[click.Parameter] = [
            Parted(
                ["--command-id"],
                part=part,
                metavar="ID",
                help="sent again with the same id it happens once [default: made]",
            ),
            Parted(["--expected-version"], part=part, type=int, metavar="N", help="refuse if it is another by now"),
            Parted(["--occurred-at"], part=part, metavar="TIME", help="when it happened, if that is not now"),
            Parted(["--on-behalf-of"], part=part, metavar="WHO", help="for whom you do this; recorded, gives no right"),
        ]
        if self.curated.makes:
            options.append(Parted(["-q", "--quiet"], part=part, is_flag=True, help="print the id that was made, alone"))
        if self.curated.makes == "id":
            options.append(Parted(["--id"], part=part, metavar="ID", help="its id [default: made]"))
        return options

    # what is sent
    def _call(self, where: Where, out: Out, **values: Any) -> int:
        if self.aggregate == "tenant" and values.get(ABOUT):
            where = where.having(tenant=values[ABOUT])
        where = where.speaking(self.curated.speaks) if self.curated.speaks else where

        async def work() -> None:
            async with session(where) as connected:
                await self.send(connected, out, values)

        asyncio.run(work())
        return 0

    async def send(self, asking: Session, out: Out, values: dict[str, Any]) -> None:
        """Put the command together from *values* as typed, send it and print the answer; raises VerbError."""
        filling = await self.fill(asking, values)
        envelope = {
            "command_id": values["command_id"] or filling.new_id(),
            "expected_version": values["expected_version"],
            "occurred_at": await _one(filling, "occurred_at", "instant", values["occurred_at"]),
            "on_behalf_of": await _one(filling, "on_behalf_of", "person", values["on_behalf_of"]),
        }
        if self.curated.speaks and asking.actor.startswith("user:"):
            envelope["actor"] = self.curated.speaks
        command = filling.command(self.command, **envelope)
        try:
            accepted = await asking.tell(command)
        except VerbError as error:
            if error.word == "failed" and filling.made:
                ids = " ".join(f"--{name.replace('_', '-')} {id_}" for name, id_ in filling.made.items())
                error.hint += f" {ids.replace(f'--{self.aggregate} ', '--id ')}"
            raise
        told(out, command, accepted, filling.made, asking.names, quiet=bool(values.get("quiet")))

    async def fill(self, asking: Session, values: dict[str, Any]) -> Filling:
        """Return the command's members as far as they are typed or filled in; raises VerbError."""
        filling = Filling(asking, self.aggregate)
        await self._identify(filling, values)
        if self.shape.before:
            await self.shape.before(filling, values)
        for place in self.places:
            await self._place(filling, place, values.get(place.member.name))
        if self.shape.after:
            await self.shape.after(filling, values)
        return filling

    async def _identify(self, filling: Filling, values: dict[str, Any]) -> None:
        if self.aggregate == "tenant":
            filling.id = tenant_id(filling.session.tenant)
        elif self.curated.makes == "id":
            filling.id = values["id"] or filling.new_id()
            filling.made[self.aggregate] = filling.id
        else:
            filling.id = await filling.subject(values[ABOUT])

    async def _place(self, filling: Filling, place: Place, given: Any) -> None:
        member, into = place.member, filling.members
        if place.outer:
            into = filling.members.setdefault(place.outer, {})
        if member.many:
            option = OPTION_NAMES.get(member.name, member.name)
            found: Any = [await value(filling, member, text, option) for text in given or ()] or None
        elif place.path == self.curated.makes:
            found = filling.made[member.name] = given or filling.new_id()
        else:
            found = await value(filling, member, given, member.name) if given is not None else None
        default: Default | None = self.curated.defaults.get(place.path)
        if found is None and default is not None:
            found = await default.fill(filling)
            if found is None:
                raise misused("bad_usage", f"Say which {member.name.replace('_', ' ')}.", member.name)
        if found is not None:
            into[member.name] = found


def _places(command: type[Command]) -> Iterator[Place]:
    for member in members(command).values():
        if member.struct in FLAT and not member.many:
            yield from (Place(inner, member.name) for inner in members(member.struct).values())
        else:
            yield Place(member)


async def _one(filling: Filling, name: str, form: str, text: str | None) -> Any:
    return None if text is None else await value(filling, Member(name, form, required=False), text, name)
