"""Whoever erases somebody sees first what it takes, and says so once more; a program says --yes."""

from __future__ import annotations

import datetime as dt
import io

import click
import pytest

from milepost.cli.curated_others import PERSON
from milepost.cli.errors import VerbError
from milepost.cli.out import Out
from milepost.cli.persons import Erasing
from milepost.cli.session import Session
from milepost_contracts.commands.person import Erase
from milepost_contracts.queries.erasure import Erasure, ErasureAnswer
from tests.cli.verbs import NAMES
from tests.support.asking import ScriptedAsker
from tests.support.scenario import MENTEE, MENTOR


class Terminal(io.StringIO):
    """What is printed to a person."""

    def isatty(self) -> bool:
        """Say that somebody looks."""
        return True


async def typed(asker: ScriptedAsker, line: str, out: Out) -> None:
    """Type `person erase` and *line* as MENTOR."""
    verb = Erasing(Erase, PERSON["erase"])
    with verb.verb("erase").make_context("erase", line.split()) as context:
        values = dict(context.params)
    await verb.send(Session(asker, tenant="acme", actor=MENTOR, names=NAMES), out, values)


def scripted() -> ScriptedAsker:
    """Return an asker that knows what erasing maya takes."""
    asker = ScriptedAsker()
    asker.answers[Erasure] = ErasureAnswer(
        person=MENTEE, held=True, held_until=dt.date(2026, 12, 31), goals_owned=3, goals_shared=2, own_words=41,
        own_words_elsewhere=5, others_words=7,
    )  # fmt: skip
    return asker


@pytest.mark.parametrize(("said", "sent"), [("y", True), ("n", False), ("", False)])
async def test_a_person_is_shown_what_it_takes_and_asked(
    said: str, *, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal goals, words and a hold are counted first; nothing is sent without a yes."""
    asker, stdout = scripted(), Terminal()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{said}\n"))
    out = Out(as_json=False, stdout=stdout, stderr=Terminal())
    if sent:
        await typed(asker, "maya --reason asked", out)
        assert asker.sent == Erase(command_id=asker.sent.command_id, id=MENTEE[5:], actor=MENTOR, reason="asked")
    else:
        with pytest.raises(click.Abort):
            await typed(asker, "maya --reason asked", out)
        assert not asker.commands
    shown = stdout.getvalue()
    for words in (MENTEE, "3, 2 of them with words of others", "41, 5 of them", "7, on goals", "end of 2026-12-31"):
        assert words in shown


@pytest.mark.parametrize(("as_json", "terminal"), [(True, Terminal), (False, io.StringIO)])
async def test_a_program_says_yes(*, as_json: bool, terminal: type[io.StringIO]) -> None:
    """Where nobody can be asked nothing happens without --yes, and with it nothing is shown first."""
    asker = scripted()
    with pytest.raises(VerbError, match="not_confirmed"):
        await typed(asker, "maya --reason asked", Out(as_json=as_json, stdout=terminal(), stderr=terminal()))
    assert not asker.commands
    await typed(asker, "maya --reason asked --yes", Out(as_json=as_json, stdout=terminal(), stderr=terminal()))
    assert isinstance(asker.sent, Erase)
    assert not asker.queries
