"""`publish` and `view`: the relay is looked at and mended, the read models are built again."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.serving import Served
from tests.support.shell import Shell


def test_the_state_of_the_relay(shell: Shell) -> None:
    """How far it is, as text and as a document."""
    assert "state" in shell.done("publish status").out
    assert shell.done("publish status --json").document["generation"] > 0


def test_journal_and_stream_agree(shell: Shell) -> None:
    """Every event is on the stream once."""
    typed = shell.done("publish reconcile")
    assert "They agree." in typed.err
    told = shell.done("publish reconcile --json").document
    assert told["findings"] == []
    assert told["events"] == told["messages"] > 0


def test_a_refill_is_confirmed_first(shell: Shell) -> None:
    """Nobody empties the stream by accident; a refill brings the same events under the next generation."""
    refused = shell("publish refill")
    assert refused.status == 1
    assert "not_confirmed" in refused.err
    before = shell.done("publish status --json").document["generation"]
    events = shell.done("publish reconcile --json").document["events"]
    refilled = shell.done("publish refill --yes --json").document
    assert refilled["generation"] == before + 1
    assert refilled["events"] >= events
    assert "sample" in refilled["recorded"]
    assert shell.done("publish reconcile --json").document["findings"] == []


def test_the_read_models_are_built_again(served: Served, shell: Shell) -> None:
    """The new ones are as the old ones, row by row, and take their place; questions go on."""
    shell.done('goal create "Before the rebuild"')
    typed = shell.done(f"view rebuild --json --view-url sqlite:///{served.folder / 'view.sqlite'}")
    told = typed.document
    assert (told["differing"], told["switched"], told["compared"]) == (0, True, True)
    assert told["events"] > 0
    assert shell.done("goal list --json").document["goals"][0]["title"] == "Before the rebuild"
    shell.done('goal create "After the rebuild"')
    assert len(shell.done("goal list --json").document["goals"]) == 2


def test_the_read_models_as_text(served: Served, shell: Shell) -> None:
    """A person sees how many events and rows there were, and that the new ones are in use."""
    typed = shell.done(f"view rebuild --view-url sqlite:///{served.folder / 'view.sqlite'}")
    assert "in use now  yes" in typed.out


def test_nobody_publishes(shell: Shell) -> None:
    """Without a relay the verb says so and how it comes."""
    typed = shell("publish status", MILEPOST_NATS_URL="nats://127.0.0.1:1")
    assert (typed.status, typed.out) == (1, "")
    assert "no_broker" in typed.err


def test_settings(shell: Shell) -> None:
    """Every setting is told with its value and where it came from; passwords are not."""
    variables = {"MILEPOST_JOURNAL_URL": "postgresql://milepost:hunter2@db/journal"}
    typed = shell.done("settings --nats-port 4333 --json", **variables)
    told = {one["setting"]: one for one in typed.document}
    assert (told["nats_port"]["value"], told["nats_port"]["source"]) == (4333, "flag")
    assert told["journal_url"]["value"] == "postgresql://milepost:***@db/journal"
    assert told["journal_url"]["source"] == "MILEPOST_JOURNAL_URL"
    assert told["http_port"]["source"] == "default"
    text = shell.done("settings", **variables).out
    assert "hunter2" not in text
    assert "4222" in text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("run web", "stage_later"),
        ("run decide", "stage_unknown"),
        ("settings --nats-port many", "invalid_setting"),
        ("serve --nats-port 70000", "invalid_setting"),
        ("frobnicate", "unknown_verb"),
        ("goal crate", "unknown_verb"),
        ("goal list --colour", "bad_usage"),
        ("goal show", "bad_usage"),
    ],
)
def test_bad_usage(line: str, code: str, shell: Shell) -> None:
    """Bad usage has status 2 and prints nothing on standard output."""
    typed = shell(line)
    assert (typed.status, typed.out) == (2, "")
    assert f"usage: {code}" in typed.err


def test_a_second_one_in_the_same_folder(served: Served, shell: Shell) -> None:
    """Two that would write to the same data: the second one says which part is in use, and ends."""
    typed = Shell(shell.folder)(f"serve --data-dir {served.folder} --nats-port 0 --http-port 0")
    assert (typed.status, typed.out) == (1, "")
    assert "broker_in_use" in typed.err
    assert "Traceback" not in typed.err


@pytest.mark.parametrize(("part", "flag"), [("http", "--http-port"), ("nats", "--nats-port")])
def test_a_port_that_is_taken(served: Served, shell: Shell, part: str, flag: str) -> None:
    """A port that somebody else has is told with the setting that names it, and with what to do."""
    port = dict(told.split("=", 1) for told in served.first_line.split()[1:])[part].rpartition(":")[2]
    ports = " ".join(f"{other} {port if other == flag else 0}" for other in ("--nats-port", "--http-port"))
    typed = Shell(shell.folder)(f"serve --data-dir elsewhere {ports}")
    assert (typed.status, typed.out) == (1, "")
    name = f"MILEPOST_{flag.removeprefix('--').replace('-', '_').upper()}"
    assert f"{flag} {port} ({name}) is taken" in typed.err
    assert "choose" in typed.err
    assert "Errno" not in typed.err
    assert "Traceback" not in typed.err


def test_the_version(shell: Shell) -> None:
    """The command line says which one it is."""
    assert shell.done("--version").out.startswith("milepost ")


def test_a_verb_alone_shows_help(shell: Shell) -> None:
    """Who types too little sees what there is, and has not succeeded."""
    typed = shell("goal")
    assert typed.status == 2
    assert "check-in" in typed.err


def test_errors_as_documents(shell: Shell) -> None:
    """A program gets a refusal as a document on standard error."""
    typed = shell("goal show 01900000-0000-7000-8000-000000000000 --json")
    assert (typed.status, typed.out) == (1, "")
    assert msgspec.json.decode(typed.err)["errors"][0]["code"] == "goal_unknown"
