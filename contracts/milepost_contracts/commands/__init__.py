"""Every command there is, by (aggregate, name)."""

from __future__ import annotations

from types import ModuleType

from milepost_contracts.commands import access, goal, mentorship, person, programme, tenant
from milepost_contracts.commands.base import Command
from milepost_contracts.types import words_paths


def _in(module: ModuleType) -> list[type[Command]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Command) and not value.__name__.endswith("Command")
    ]


COMMANDS: dict[tuple[str, str], type[Command]] = {
    (command.AGGREGATE, command.NAME): command
    for module in (goal, mentorship, programme, person, tenant, access)
    for command in _in(module)
}
# Per command: (path, audience, words) of each member that holds people's words; see types.words_paths.
WORDS = {key: words_paths(command) for key, command in COMMANDS.items()}

__all__ = ["COMMANDS", "WORDS", "Command", "access", "goal", "mentorship", "person", "programme", "tenant"]
