"""`plugins` against a running Milepost: looking, holding, replaying, trying again, asking."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from milepost.broker import EmbeddedBroker
from tests.cli.conftest import THANKING, new_person
from tests.cli.test_plugins_writing import developing, heard
from tests.support.distributing import source
from tests.support.shell import Shell

PATIENCE_S = 30.0
LOOK_S = 0.05


def until(look: Callable[[], Any]) -> Any:
    """Return what *look* gives as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain; at last: {found}"
        time.sleep(LOOK_S)
    return found


def report(admin: Shell, name: str = "thank-you") -> Any:
    """Return how a plugin is."""
    return admin.done(f"plugins show {name} --json").document


@pytest.fixture
def goal(admin: Shell) -> str:
    """Give a goal of somebody new, who types from here on."""
    admin.variables["MILEPOST_AS"] = new_person()
    admin.variables["MILEPOST_TENANT"] = "sample"
    return str(admin.done('goal create "Give a talk" --json').document["id"])


def dead(admin: Shell, what: str, goal: str) -> list[Any]:
    """Return what the plugin could not do about *goal*: events or effects."""
    rows = admin.done("plugins dead thank-you --limit 200 --json").document
    chosen = [row for row in rows if row["what"] == what]
    return [row for row in chosen if (row["subject"] if what == "event" else row["arguments"]["goal"]).endswith(goal)]


def effects(admin: Shell, state: str) -> list[Any]:
    """Return the effects that are in *state*."""
    found: list[Any] = admin.done(f"plugins effects thank-you --state {state} --limit 200 --json").document
    return found


def test_all_plugins_are_listed(admin: Shell) -> None:
    """Those that run, cannot run, may not run and are not there, each with why."""
    until(lambda: report(admin)["state"] == "running" and report(admin, "broken")["state"] == "not_loaded")
    listed = {one["plugin"]: one for one in admin.done("plugins list --json").document}
    states = {name: listed[name]["state"] for name in ("thank-you", "broken", "gone", "idle")}
    assert states == {
        "thank-you": "running", "broken": "not_loaded", "gone": "not_installed", "idle": "not_allowed",
    }  # fmt: skip
    text = admin.done("plugins list").out
    assert "import_failed: milepost_broken cannot be imported: ModuleNotFoundError" in text
    assert "add idle to MILEPOST_PLUGINS" in text
    assert "Thanks for milestones" in text


def test_everything_about_one(admin: Shell) -> None:
    """A person sees how it is, what it did, what it may and whether it is well."""
    until(lambda: report(admin)["state"] == "running")
    text = admin.done("plugins show thank-you").out
    for told in ("thank-you 0.1.0", "running", "well: as ever", "behind", "handled", "effects", "facts", "timers"):
        assert told in text
    assert "opens words         goal.created/title" in text
    assert "milepost-broken" in admin.done("plugins show broken").out


def test_a_parked_event_is_listed_and_tried_again(admin: Shell, goal: str) -> None:
    """What a plugin cannot take is listed with why and where; by its number it is tried again, until it goes well."""
    admin.done(f'goal post-comment {goal} "Looking forward to it"')
    (parked,) = until(lambda: dead(admin, "event", goal))
    assert (parked["name"], parked["code"], parked["hook"]) == ("goal.comment_posted", "minds_comments", "on_event")
    assert parked["place"].partition(":")[0].endswith("milepost_thank_you.py")
    text = admin.done("plugins dead thank-you --tenant sample").out
    assert parked["id"] in text
    assert "minds_comments" in text
    assert "1 tried again" in admin.done(f"plugins retry thank-you {parked['number']}").out
    again = until(lambda: [one for one in dead(admin, "event", goal) if one["tried"] > parked["tried"]])
    assert again[0]["number"] == parked["number"]
    admin.done("plugins act thank-you mend --as priya")
    try:
        admin.done(f"plugins retry thank-you {parked['id']}")
        until(lambda: not dead(admin, "event", goal))
    finally:
        admin.done("plugins act thank-you break --as priya")


def test_an_effect_that_was_given_up_is_done_again(admin: Shell, goal: str) -> None:
    """What was given up is listed with its code, and done once what it needs is there."""
    admin.done(f'goal give-feedback {goal} "Clear"')
    (letter,) = until(lambda: dead(admin, "effect", goal))
    assert (letter["code"], letter["hook"], letter["attempts"]) == ("no_paper", "perform", 1)
    assert letter["id"] in admin.done("plugins effects thank-you --state dead").out
    half = admin(f"plugins retry thank-you {letter['number']} thank-you/1/letter")
    assert (half.status, half.out) == (1, "1 tried again\n")
    assert "1 are neither parked nor given up" in half.err
    until(lambda: [one for one in dead(admin, "effect", goal) if one["attempts"] == 2])
    admin.done("plugins act thank-you mend why:='[1]' --as priya")
    try:
        assert admin.done(f"plugins retry thank-you {letter['id']} --json").document["tried_again"] == 1
        (sent,) = until(lambda: [one for one in effects(admin, "sent") if one["key"] == letter["id"]])
        assert sent["attempts"] == 3
    finally:
        admin.done("plugins act thank-you break --as priya")


def test_lists_go_on(admin: Shell) -> None:
    """A list that is cut says where it goes on, and goes on there."""
    first = admin.done("plugins effects thank-you --limit 1")
    more = first.err.strip().removeprefix("More: ")
    assert more.startswith("--after ")
    assert admin.done(f"plugins effects thank-you --limit 1 {more}").out != first.out


def test_timers_that_stand(admin: Shell) -> None:
    """When the plugin wants to be woken, and of what."""
    found = admin.done("plugins timers thank-you --json").document
    assert found
    assert {one["what"] for one in found} <= {"stands", "listed, not fired"}
    assert found[0]["key"] in admin.done("plugins timers thank-you").out


def test_a_plugin_is_held_and_goes_on(admin: Shell) -> None:
    """Paused and disabled it does nothing, resumed and enabled it runs again; each verb tells how it is then."""
    until(lambda: report(admin)["state"] == "running")
    assert admin.done("plugins pause thank-you").out == "thank-you: paused: paused by an administrator\n"
    assert admin.done("plugins resume thank-you").out == "thank-you: running, live\n"
    assert admin.done("plugins disable thank-you --json").document["state"] == "disabled"
    assert admin.done("plugins enable thank-you").out == "thank-you: running, live\n"
    broken = admin("plugins enable broken")
    assert broken.status == 1
    assert "import_failed" in broken.out


def test_a_dry_run_tells_what_would_go_out(admin: Shell) -> None:
    """Nothing changes, and everything that would go out is counted and told."""
    before = report(admin)
    typed = admin.done("plugins replay thank-you --dry-run")
    assert "nothing went out and nothing was kept" in typed.out
    assert "thank" in typed.out
    told = admin.done("plugins replay thank-you --dry-run --json").document
    assert told["effects"]["thank"] == 2
    assert told["facts"] == {"thanked": 2}
    assert report(admin)["handled"] == before["handled"]


def test_a_replay_is_confirmed_and_goes_over_all_history(admin: Shell) -> None:
    """Nobody throws away what a plugin keeps by accident; when the verb returns, it has it again and runs live."""
    refused = admin("plugins replay thank-you")
    assert (refused.status, refused.out) == (1, "")
    assert "not_confirmed" in refused.err
    before = report(admin)
    typed = admin.done("plugins replay thank-you --yes")
    assert typed.out.startswith("thank-you: running, live\n")
    after = report(admin)
    assert (after["facts_published"], after["state_keys"]) == (before["facts_published"], before["state_keys"])
    assert after["handled"] >= before["handled"] - 1
    admin.done("plugins pause thank-you")
    try:
        held = admin("plugins replay thank-you --yes")
        assert held.status == 1
        assert "plugins resume" in held.err
    finally:
        admin.done("plugins resume thank-you")
    until(lambda: report(admin)["mode"] == "live")


def test_a_plugin_is_asked(admin: Shell) -> None:
    """A list of objects is a table; anything else, and with --json everything, is a document."""
    until(lambda: report(admin)["state"] == "running" and report(admin)["lag"] == 0)
    typed = admin.done("plugins ask thank-you mine --as maya")
    assert typed.out.split("\n")[0].split() == ["GOAL", "ON"]
    told = admin.done("plugins ask thank-you mine --as maya --json").document
    assert (told["plugin"], told["version"], len(told["result"])) == ("thank-you", "0.1.0", 2)
    assert admin.done("plugins ask thank-you mine --as ben").err == "Nothing.\n"
    said = admin.done("plugins ask thank-you said a=1 b:='[1, true]' c=x=y").document
    assert said == {"a": "1", "b": [1, True], "c": "x=y"}


def test_a_member_of_an_answer_as_it_is(admin: Shell) -> None:
    """An export comes out byte for byte, line ends included."""
    until(lambda: report(admin)["state"] == "running")
    assert admin.done("plugins ask thank-you export --raw csv").out == "goal,on\r\n1,2026-01-01\r\n"
    assert admin.done("plugins ask thank-you export --raw rows").out == "1"
    missing = admin("plugins ask thank-you export --raw xml")
    assert missing.status == 1
    assert "it has rows, csv" in missing.err


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("plugins show thank-yu", 1, "not_installed"),
        ("plugins enable idle", 1, "not_allowed"),
        ("plugins pause gone", 1, "not_installed"),
        ("plugins retry thank-you", 2, "bad_usage"),
        ("plugins retry thank-you 1 --all", 2, "bad_usage"),
        ("plugins retry thank-you 999999", 1, "nothing_to_retry"),
        ("plugins retry thank-you thank-you/1/thank", 1, "nothing_to_retry"),
        ("plugins effects thank-you --state lost", 2, "bad_usage"),
        ("plugins ask thank-you nothing", 1, "question_unknown"),
        ("plugins ask idle mine", 1, "plugin_unknown"),
        ("plugins ask thank-you mine word", 2, "bad_value"),
        ("plugins ask thank-you mine a:=word", 2, "bad_value"),
        ("plugins ask thank-you mine a=1 a=2", 2, "bad_value"),
        ("plugins ask thank-you mine --raw a --json", 2, "bad_usage"),
        ("plugins act thank-you juggle", 1, "request_unknown"),
        ("plugins act broken mend", 1, "not_running"),
        ("plugins frobnicate", 2, "unknown_verb"),
    ],
)
def test_what_is_not_done(line: str, status: int, code: str, admin: Shell) -> None:
    """A refusal has status 1, bad usage 2; the code and what to do are on standard error, and nothing elsewhere."""
    until(lambda: report(admin)["state"] == "running")
    typed = admin(line)
    assert (typed.status, typed.out) == (status, "")
    assert code in typed.err


@pytest.mark.parametrize("verb", ["ask", "dead", "show", "act", "retry"])
def test_who_names_no_plugin_is_told_which_there_are(verb: str, admin: Shell, shell_nowhere: Shell) -> None:
    """Their names, where Milepost runs; where it does not, what is missing."""
    typed = admin(f"plugins {verb}")
    assert (typed.status, typed.out) == (2, "")
    assert re.search(
        r"usage: bad_usage \(name\): Say which plugin: (\S+, )*thank-you(, \S+)*\.$", typed.err, re.MULTILINE
    )
    assert "idle" not in typed.err, "it is installed, and may not run"
    assert "milepost plugins list" in typed.err
    typed = shell_nowhere(f"plugins {verb}")
    assert (typed.status, typed.out) == (2, "")
    assert "Missing argument 'NAME'" in typed.err


@pytest.fixture
def shell_nowhere(tmp_path: Path) -> Shell:
    """Give a shell where no Milepost runs."""
    return Shell(tmp_path, MILEPOST_DATA_DIR=str(tmp_path / "nothing"))


def test_a_name_that_is_nearly_one(admin: Shell) -> None:
    """Who asks is told the plugin that is meant, as who looks at one is; what is listed nowhere is looked for there."""
    until(lambda: report(admin)["state"] == "running")
    for verb in ("ask thank-yu mine", "show thank-yu"):
        assert "did you mean 'thank-you'?" in admin(f"plugins {verb}").err
    assert "`milepost plugins dead thank-you`" in admin("plugins retry thank-you thank-you/1/thank").err
    assert "`milepost plugins dead thank-you`" in admin("plugins retry thank-you 999999").err


async def test_nobody_hosts_plugins(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Where no plugin host runs, that is what is said, and how one comes."""
    shell = Shell(
        tmp_path,
        MILEPOST_NATS_URL=broker.url,
        MILEPOST_NATS_SEED=str(broker.directory / "keys"),
        MILEPOST_AS="service:x",
    )
    typed = await asyncio.to_thread(shell, "plugins list")
    assert (typed.status, typed.out) == (1, "")
    assert "react_unreachable" in typed.err
    assert "milepost run react" in typed.err


def test_a_plugin_goes_along_while_it_is_written(admin: Shell) -> None:
    """With --live it sees what happens in a running Milepost as it happens, also after a save, and nothing goes out."""
    code = THANKING.read_text(encoding="utf-8")
    file = source(admin.folder, "thank-you", code)
    with developing(admin, "--live", "--since", "beginning") as process:
        before = heard(process, "came to")
        assert "effect thank  goal=presentations" in before
        somebody = {"MILEPOST_AS": new_person(), "MILEPOST_TENANT": "sample"}
        goal = admin.done('goal create "Give a talk" --json', **somebody).document["id"]
        admin.done(f'goal give-feedback {goal} "Clear"', **somebody)
        assert f"effect letter  goal={goal}" in heard(process, goal)
        file.write_text(code.replace('context.effect("letter"', 'context.effect("postcard"'))
        said = heard(process, " gone")
        assert f"effect letter  goal={goal}" in said
        assert f"effect postcard  goal={goal}" in said
        admin.done(f'goal give-feedback {goal} "Loud"', **somebody)
        assert f"effect postcard  goal={goal}" in heard(process, goal)
