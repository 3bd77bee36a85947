"""A command is put together: what was typed, what is filled in, and ids that are made where none is given."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec
import uuid_utils

from milepost.cli.errors import misused
from milepost.cli.finding import Finder
from milepost.cli.forms import FormError
from milepost.cli.session import Session
from milepost_contracts.commands import Command
from milepost_contracts.strict import strict
from milepost_contracts.types import ID_PATTERN

# Members that name a part of the goal that the command is about, and what that part is called where it differs.
_OF_GOAL = {
    name: name for name in ("measure", "milestone", "action", "check_in", "obstacle", "resource", "feedback")
} | {
    "corrects": "reading",
    "reply_to": "comment",
}


class Filling:
    """The members of one command on the aggregate `id`, so far."""

    def __init__(self, session: Session, aggregate: str, *, today: dt.date | None = None) -> None:
        """Begin with nothing; *today* is this machine's day."""
        self.session = session
        self.find = Finder(session)
        self.aggregate = aggregate
        self.today = today or dt.datetime.now().astimezone().date()
        self.id = ""
        self.members: dict[str, Any] = {}
        self.made: dict[str, str] = {}

    def new_id(self) -> str:
        """Return an id of version 7, which sorts by when it was made."""
        return str(uuid_utils.uuid7())

    async def subject(self, ref: str) -> str:
        """Return the id of the aggregate that *ref* means; raises VerbError."""
        if self.aggregate == "goal":
            return await self.find.goal(ref)
        if self.aggregate == "mentorship":
            return await self.find.mentorship(ref)
        if self.aggregate == "programme":
            return await self.find.programme(ref)
        ref = self.session.actor if ref == "me" else self.session.names.people.get(ref, ref)
        if not re.match(ID_PATTERN, id_ := ref.removeprefix("user:")):
            raise misused("unknown", f"{ref!r} is nobody: give me, a name of the sample or user:UUID.", "person")
        return id_

    async def meant(self, member: str, ref: str) -> str:
        """Return the id that *ref* means for *member*; raises FormError and VerbError."""
        if member in ("goal", "goals", "parent"):
            return await self.find.goal(ref)
        if member == "mentorship":
            return await self.find.mentorship(ref)
        if member == "programme":
            return await self.find.programme(ref)
        if re.match(ID_PATTERN, ref):
            return ref
        if member in ("cycle", "template"):
            return await self.find.of_programme(await self._programme(), member, ref)
        if member in _OF_GOAL and self.aggregate == "goal":
            return await self.find.of_goal(self.id, _OF_GOAL[member], ref)
        raise FormError("an id is a UUID, in lower case with hyphens")

    async def _programme(self) -> str:
        """Return the programme whose cycles and templates are meant."""
        if self.aggregate == "programme":
            return self.id
        found: str | None = self.members.get("programme")
        if not found and (mentorship := self.members.get("mentorship")):
            found = (await self.find.mentorship_shown(mentorship)).programme
        if not found and self.aggregate == "goal" and self.id:
            found = (await self.find.goal_detail(self.id)).programme
        if not found:
            raise FormError("which programme? Name it by --programme, or give the id")
        return found

    def command(self, kind: type[Command], **envelope: Any) -> Command:
        """Return the command of *kind*; raises VerbError `invalid_field` for what no receiver would take."""
        members = {name: value for name, value in {**envelope, **self.members}.items() if value is not None}
        body = msgspec.json.encode({"actor": self.session.actor, "id": self.id, **members})
        try:
            msgspec.json.decode(body, type=strict(kind))
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$.")
            raise misused("invalid_field", f"{message}.", place.rstrip("`") or None) from error
