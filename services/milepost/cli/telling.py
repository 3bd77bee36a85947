"""What became of a command is told: what happened, to what, and the ids that were made."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from milepost.cli.out import Out
from milepost.cli.where import Names
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import Command


def told(
    out: Out, command: Command, accepted: Accepted, made: Mapping[str, str], names: Names, *, quiet: bool = False
) -> None:
    """Print that *command* was accepted; *made*: ids by what they are of. *quiet*: those ids alone."""
    if out.as_json:
        answer = msgspec.to_builtins(accepted)
        out.document(answer | {"command_id": command.command_id, "made": dict(made)})
        return
    out.warnings(accepted.warnings)
    if quiet:
        for id_ in made.values():
            out.line(id_)
        return
    label = names.name_of(command.id) or command.id
    at = f"version {accepted.version}" + (f", sequence {int(accepted.sequence)}" if accepted.sequence else "")
    if not accepted.events:
        out.line(f"nothing to change: {command.AGGREGATE} {label} ({at})")
        return
    # Events of other aggregates come with some commands; all of them are named.
    happened = ", ".join(event.type.split(".")[1].replace("_", " ") for event in accepted.events)
    out.line(f"{happened}: {command.AGGREGATE} {label} ({at})")
    for what, id_ in made.items():
        if id_ != command.id:
            out.line(f"{what.replace('_', ' ')} {id_}")
