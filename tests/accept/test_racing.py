"""What is a set holds when commands race: the cap of active goals, and no loop in the alignment graph."""

from __future__ import annotations

import concurrent.futures
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost_contracts import answers
from milepost_contracts.answers import Accepted, Answer, Refused
from milepost_contracts.commands import Command, goal, mentorship
from milepost_contracts.types import Party, Waiver
from tests.support.accepting import TENANT, Acceptance, create, ident, user

RACERS = 8
Race = Callable[[list[list[Command]]], list[list[Answer]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def field(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Acceptance, Race]]:
    """Give accept with an open tenant, and the way to let eight race: tasks on SQLite, processes on PostgreSQL."""
    if request.param == "sqlite":
        accept = Acceptance(tmp_path)
        accept.open_tenant()
        yield accept, lambda lots: _tasks(accept, lots)
    else:
        url = request.getfixturevalue("postgres_url")
        accept = Acceptance(tmp_path, journal_url=url, keys_url=url, alone=False)
        accept.open_tenant()
        yield accept, lambda lots: _processes(url, tmp_path, lots)
    accept.close()


def _tasks(accept: Acceptance, lots: list[list[Command]]) -> list[list[Answer]]:
    def race(lot: list[Command]) -> list[Answer]:
        return [future.result(60) for future in [accept.send(command) for command in lot]]

    with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(race, lots))


def _processes(url: str, folder: Path, lots: list[list[Command]]) -> list[list[Answer]]:
    command = [sys.executable, "-m", "tests.support.racer", url, url, str(folder)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in lots]
    results: list[list[Answer]] = []
    try:
        for racer, lot in zip(racers, lots, strict=True):
            assert racer.stdin
            lines = [msgspec.json.encode((one.AGGREGATE, one.NAME, one)).decode() for one in lot]
            racer.stdin.write("\n".join([*lines, "", ""]))
            racer.stdin.flush()
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("\n")
            racer.stdin.flush()
        for racer in racers:
            out, _ = racer.communicate(timeout=90)
            results.append([answers.decode(bytes(raw)) for raw in msgspec.json.decode(out, type=list[msgspec.Raw])])
    finally:
        for racer in racers:
            if racer.poll() is None:
                racer.kill()
                racer.wait()
    return results


def test_the_cap_holds(field: tuple[Acceptance, Race]) -> None:
    """Eight that race to activate sixteen goals of one owner open exactly as many as the cap allows."""
    accept, race = field
    pair = ident("pair")
    mentee, mentor = user("mentee"), user("mentor")
    parties = [Party(ref=mentee, role="mentee"), Party(ref=mentor, role="mentor")]
    accept.accepted(
        mentorship.Request(command_id=ident("r"), id=pair, actor=mentee, parties=parties, format="one_to_one")
    )
    accept.accepted(mentorship.Accept(command_id=ident("y"), id=pair, actor=mentor))
    names = [f"goal {number}" for number in range(2 * RACERS)]
    for name in names:
        accept.accepted(create(name, kind="outcome"))
        who: dict[str, Any] = {"id": ident(name), "actor": mentee}
        accept.accepted(goal.PlaceGoal(command_id=ident("p"), mentorship=pair, parties=parties, **who))
        accept.accepted(goal.ProposeGoal(command_id=ident("o"), revision=2, **who))
        accept.accepted(goal.AgreeGoal(command_id=ident("a"), id=ident(name), actor=mentor, revision=2))
    waivers = [Waiver(check=check, reason="a race") for check in ("deadline", "measures", "evaluation")]

    def activate(name: str) -> Command:
        return goal.ActivateGoal(command_id=ident("v"), id=ident(name), actor=mentee, revision=2, waivers=waivers)

    lots = [[activate(names[racer]), activate(names[racer + RACERS])] for racer in range(RACERS)]
    given = [answer for lot in race(lots) for answer in lot]
    assert sum(isinstance(answer, Accepted) for answer in given) == 3
    refused = [answer for answer in given if isinstance(answer, Refused)]
    assert len(refused) == len(given) - 3
    assert {problem.code for answer in refused for problem in answer.errors} == {"cap_reached"}
    opened = [one for one in accept.journal.load(TENANT, ("mentorship", pair)) if one.tag.endswith("opened.v1")]
    assert len(opened) == 3


def test_no_loop_is_closed(field: tuple[Acceptance, Race]) -> None:
    """Eight that race to align eight goals in a ring leave at least one link open."""
    accept, race = field
    names = [f"goal {number}" for number in range(RACERS)]
    for name in names:
        accept.accepted(create(name))

    def align(number: int) -> Command:
        return goal.AlignGoal(
            command_id=ident("align"), id=ident(names[number]), actor=user("mentee"),
            parent=ident(names[(number + 1) % RACERS]), weight="1",
        )  # fmt: skip

    given = [answer for lot in race([[align(number)] for number in range(RACERS)]) for answer in lot]
    refused = [answer for answer in given if isinstance(answer, Refused)]
    assert len(refused) == 1, given
    assert [problem.code for problem in refused[0].errors] == ["alignment_loop"]
    assert sum(isinstance(answer, Accepted) for answer in given) == RACERS - 1
