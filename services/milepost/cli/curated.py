"""What makes a generated verb short to type: which members come without their name, and what is filled in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from milepost.cli.filling import Filling


class Default(NamedTuple):
    """What stands in for a member that is not given; `told` says it in help. `fill` returns None for nothing."""

    told: str
    fill: Callable[[Filling], Awaitable[Any]]


class Curated(NamedTuple):
    """A verb: under which heading it is listed, how it is used, and what needs no typing.

    `args`: members given by place after the aggregate. `makes`: the member (or `id`, the aggregate itself) whose id is
    made when it is not given. `speaks`: who gives the command where a person cannot.
    """

    part: str
    example: str
    args: tuple[str, ...] = ()
    makes: str = ""
    defaults: Mapping[str, Default] = {}
    speaks: str = ""


def constant(value: Any) -> Default:
    """Return the default that is always *value*."""

    async def fill(_: Filling) -> Any:
        return value

    return Default(str(value), fill)


async def _me(filling: Filling) -> str:
    return filling.session.actor


async def _today(filling: Filling) -> str:
    return filling.today.isoformat()


async def _newest(filling: Filling) -> int:
    return await filling.find.revision(filling.id)


async def _parties(filling: Filling) -> list[str]:
    """Return who takes part in a talk about the goal: its parties, or whose it is where there are none."""
    goal = await filling.find.goal_detail(filling.id)
    return [party.ref for party in goal.parties] or [filling.session.actor]


async def _members(filling: Filling) -> list[str]:
    return [party.ref for party in (await filling.find.mentorship_shown(filling.id)).parties]


async def _placed_parties(filling: Filling) -> list[dict[str, str]]:
    """Return the parties of the mentorship that the goal is placed into, or those that it has."""
    if mentorship := filling.members.get("mentorship"):
        parties = (await filling.find.mentorship_shown(mentorship)).parties
    else:
        parties = (await filling.find.goal_detail(filling.id)).parties
    return [{"ref": party.ref, "role": party.role} for party in parties]


async def _only_measure(filling: Filling) -> str | None:
    """Return the goal's measure where it has but one."""
    counting = [one for one in (await filling.find.goal_detail(filling.id)).measures if not one.retired]
    return counting[0].measure if len(counting) == 1 else None


async def _next_version(filling: Filling) -> int:
    offered = (await filling.find.programme_answer(filling.id)).templates
    versions = [one.version for one in offered if one.template == filling.members["template"]]
    return max(versions, default=0) + 1


ME = Default("me", _me)
TODAY = Default("today", _today)
NEWEST = Default("the newest", _newest)
PARTIES = Default("all parties", _parties)
MEMBERS = Default("all parties", _members)
PLACED = Default("the parties of the mentorship", _placed_parties)
ONLY_MEASURE = Default("the only one", _only_measure)
NEXT_VERSION = Default("the next", _next_version)
