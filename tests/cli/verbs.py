"""Verbs in tests: every one there is, and commands as typing them makes them."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator

import click

from milepost.cli.aggregates import CURATED, verb_name
from milepost.cli.app import root
from milepost.cli.generating import Generated
from milepost.cli.out import Out
from milepost.cli.session import Session
from milepost.cli.verbs import Group, Verb
from milepost.cli.where import Names
from milepost_contracts.commands import COMMANDS, Command
from tests.support.asking import ScriptedAsker
from tests.support.scenario import MENTEE, MENTOR, uid

NAMES = Names(
    tenant="acme",
    people={"maya": MENTEE, "ben": MENTOR},
    goals={"talk": uid("goal")},
    mentorships={"maya-ben": uid("mentorship")},
    programmes={"growth": uid("programme")},
)


def every_verb() -> Iterator[tuple[str, Verb]]:
    """Yield (what is typed, verb) for every verb."""

    def within(group: Group, path: str) -> Iterator[tuple[str, Verb]]:
        for name, entry in group.entries.items():
            made = entry.load()
            if isinstance(made, Group):
                yield from within(made, f"{path} {name}")
            else:
                assert isinstance(made, Verb)
                yield f"{path} {name}", made

    yield from within(root(), "milepost")


def generated(aggregate: str, verb: str) -> Generated:
    """Return the generated verb that is typed as *aggregate* *verb*."""
    (command,) = [kind for (about, _), kind in COMMANDS.items() if about == aggregate and verb_name(kind) == verb]
    return Generated(command, CURATED[aggregate].get(command.NAME))


class Typing:
    """Types lines as MENTEE against scripted answers."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Begin with an asker that knows no answers."""
        self.asker = ScriptedAsker()
        self.actor = MENTEE
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.out = Out(as_json=as_json, stdout=self.stdout, stderr=self.stderr)

    async def __call__(self, line: str) -> Command:
        """Type *line* (`goal create ...`) and return the command that was sent."""
        aggregate, name, *arguments = shlex.split(line)
        verb = generated(aggregate, name)
        with verb.verb(name).make_context(name, arguments) as context:
            values = dict(context.params)
        session = Session(self.asker, tenant="acme", actor=self.actor, names=NAMES)
        await verb.send(session, self.out, values)
        return self.asker.sent


def shown(verb: click.Command, path: str) -> str:
    """Return the help of *verb*."""
    return verb.get_help(click.Context(verb, info_name=path))
