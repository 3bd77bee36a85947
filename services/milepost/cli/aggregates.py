"""The groups of verbs by what they are about: every command of the contracts, and the questions beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from milepost.cli.curated import Curated
from milepost.cli.curated_goal import GOAL
from milepost.cli.curated_others import MENTORSHIP, PERSON, PROGRAMME, TENANT
from milepost.cli.verbs import Entry, Group, loading
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.commands.person import Erase

CURATED: dict[str, Mapping[str, Curated]] = {
    "goal": GOAL,
    "mentorship": MENTORSHIP,
    "programme": PROGRAMME,
    "person": PERSON,
    "tenant": TENANT,
}
ALSO = {"check-in": "hold-check-in"}  # what people say is what they may type
LOOKING = "Looking"
QUESTIONS = {
    "goal": {
        "list": Entry("your goals, or another's", LOOKING, loading("lists", "goal_list")),
        "show": Entry("everything about a goal", LOOKING, loading("showing", "goal_show")),
    },
    "mentorship": {
        "list": Entry("your mentorships", LOOKING, loading("lists", "mentorship_list")),
        "show": Entry("a mentorship", LOOKING, loading("showing", "mentorship_show")),
    },
    "programme": {
        "show": Entry("a programme: periods, templates, people", LOOKING, loading("showing", "programme_show")),
        "overview": Entry("a programme in numbers", LOOKING, loading("showing", "programme_overview")),
    },
    "person": {
        "erasure": Entry("what erasing somebody would take", LOOKING, loading("persons", "erasure")),
        "due": Entry("who is due for erasure", LOOKING, loading("persons", "due")),
        "certificate": Entry("that somebody was erased, signed", LOOKING, loading("persons", "certificate")),
    },
}
_TEXTS = {
    "goal": "What a person wants to be true by a deadline.\n\nGOAL is an id, a part of one, or words of its title.",
    "mentorship": "The relationship in which goals are pursued.\n\n"
    "MENTORSHIP is an id, a part of one, or words of its purpose.",
    "programme": "The organisation's frame: checklist, periods, templates, people, figures.",
    "person": "A person's name and accounts, holds on erasure, and erasure.",
    "tenant": "An organisation of its own: nothing in one tenant sees another.",
}


def verb_name(command: type[Command]) -> str:
    """Return what the verb of *command* is called: without its aggregate, with hyphens."""
    words = [word for word in command.NAME.split("_") if word != command.AGGREGATE]
    return "-".join(words)


def _group(aggregate: str) -> Group:
    curated = CURATED[aggregate]
    commands = {name: command for (kind, name), command in COMMANDS.items() if kind == aggregate}
    # In the order of the curated list; what the contracts have beyond it comes last.
    ordered = sorted(commands, key=lambda name: list(curated).index(name) if name in curated else len(curated))
    entries = dict(QUESTIONS.get(aggregate, {}))
    for name in ordered:
        command, known = commands[name], curated.get(name)
        verb = verb_name(command)
        short = (command.__doc__ or "").strip().splitlines()[0].rstrip(".")
        entries[verb] = Entry(short, known.part if known else "More", _maker(verb, command, known))
    also = ALSO if aggregate == "goal" else {}
    return Group(aggregate, entries, text=_TEXTS[aggregate], also=also)


def _maker(verb: str, command: type[Command], curated: Curated | None) -> Callable[[], click.Command]:
    def make() -> click.Command:
        from milepost.cli.generating import Generated

        if command is Erase:
            from milepost.cli.persons import Erasing

            return Erasing(command, curated).verb(verb)
        return Generated(command, curated).verb(verb)

    return make


def goal() -> Group:
    """Return the verbs on goals."""
    return _group("goal")


def mentorship() -> Group:
    """Return the verbs on mentorships."""
    return _group("mentorship")


def programme() -> Group:
    """Return the verbs on programmes."""
    return _group("programme")


def person() -> Group:
    """Return the verbs on persons."""
    return _group("person")


def tenant() -> Group:
    """Return the verbs on tenants."""
    return _group("tenant")
