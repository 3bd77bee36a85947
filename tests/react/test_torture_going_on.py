"""A plugin that takes its events and does something else besides: what it leaves, says or takes hurts nobody."""

from __future__ import annotations

import msgspec
import pytest

from milepost_contracts.context import LOG_LINES_MAX
from milepost_contracts.plugin import Mode
from tests.react.conftest import MakeTormented
from tests.react.tormenting import NEIGHBOURS, POLICY, TORTURE, Tormented, left_running
from tests.support.waiting import until

SECRET = "correct horse battery staple"  # noqa: S105  for tests alone


async def _goes_on(torment: Tormented, events: int = 200) -> None:
    """Let events happen; the plugin takes all of them, its neighbours are as ever."""
    await torment.start()
    await torment.until("running")
    await torment.publish(events)
    report = await torment.host.caught_up(TORTURE)
    assert (report.parked, report.mode, report.lag) == (0, "live", 0)
    await torment.neighbours_are_well()
    seen = [key for key in torment.host.state(TORTURE) if key.startswith("seen/")]
    assert seen == [f"seen/{number:04d}" for number in range(1, events + 1)]


async def test_a_neighbour_takes_events_while_a_plugin_hangs(tormenting: MakeTormented) -> None:
    """Both neighbours have taken everything before the plugin has come back from the first event."""
    torment = tormenting("hangs_long")
    await torment.start()
    await torment.publish()
    await until((torment.host.folder / "marks").exists)
    await torment.neighbours_are_well()
    report = await torment.report()
    assert (report.handled, report.lag, torment.host.position(TORTURE)) == (0, 200, 0)
    assert (torment.host.folder / "marks").read_text() == "hangs\n"  # the first time, still
    await torment.publish(3)
    await torment.neighbours_are_well()
    assert (await torment.report()).lag == 203
    await torment.ended()


async def test_without_the_plugin_the_neighbours_come_to_the_same(tormenting: MakeTormented) -> None:
    """What neighbours are held to is what they come to beside no plugin that could do anything."""
    torment = tormenting("counts", allowed=",".join(NEIGHBOURS))
    await torment.start()
    assert (await torment.report()).state == "not_allowed"
    await torment.publish()
    await torment.neighbours_are_well()
    await torment.ended()


async def test_beside_a_healthy_plugin_they_come_to_the_same(tormenting: MakeTormented) -> None:
    """What neighbours are held to is what they come to beside a plugin that does as it should."""
    torment = tormenting("counts")
    await _goes_on(torment)
    await torment.ended()


async def test_what_leaks_is_started_anew_and_loses_nothing(tormenting: MakeTormented) -> None:
    """A plugin whose memory fills up over many events ends in memory of its own, and each event still counts once."""
    torment = tormenting("leaks", memory_bytes=512 << 20)
    await _goes_on(torment)
    report = await torment.report()
    assert report.failed > 1  # it has run out of memory more than once
    assert (report.state, report.handled) == ("running", 200)
    await torment.ended()


async def test_threads_that_never_end_end_with_the_host(tormenting: MakeTormented) -> None:
    """Busy threads of a plugin slow it down and nobody else, and do not keep its process when the host stops."""
    torment = tormenting("leaves_threads")
    await _goes_on(torment)
    await torment.ended()


async def test_children_of_a_plugin_end_with_it(tormenting: MakeTormented) -> None:
    """Processes that a plugin has started end when it does, also those that left its session and lost their parent."""
    torment = tormenting("leaves_children")
    await _goes_on(torment)
    assert sum("sleep 3600" in one for one in left_running(torment.host.folder)) == 2
    assert len([one for one in left_running(torment.host.folder) if "milepost_contracts.child" in one]) > 3
    await torment.host.told("pause", TORTURE)
    await until(lambda: not any("sleep" in one for one in left_running(torment.host.folder)))
    await torment.ended()


async def test_a_plugin_that_logs_a_lot_is_heard_a_little(
    tormenting: MakeTormented, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a flood of log lines some are logged, with the number of those that were left out."""
    torment = tormenting("logs_a_lot")
    await _goes_on(torment)
    await torment.ended()
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if "plugin_says " in line and "plugin=torture" in line]
    assert any("plugin_says_too_much" in line for line in lines)
    assert 0 < len(said) <= 200 * (LOG_LINES_MAX + 1)  # of 200,000


async def test_large_turns_are_taken_a_few_at_a_time(tormenting: MakeTormented) -> None:
    """Many events that come to almost a megabyte each are kept, and the host holds a few of them at a time."""
    torment = tormenting("large_turns")
    await _goes_on(torment, 100)
    await torment.ended()


async def test_a_plugin_that_says_a_lot_delays_no_fact_of_others(tormenting: MakeTormented) -> None:
    """Facts of neighbours are published while a flood of large ones is, and all of the flood in the end."""
    torment = tormenting("says_a_lot")
    await _goes_on(torment, 30)
    report = await torment.report()
    assert (report.facts_published, report.facts_waiting) == (30 * 15, 0)
    await torment.ended()


async def test_a_plugin_that_only_reads_is_ended(tormenting: MakeTormented) -> None:
    """Whoever reads without an end is held to the limit of a handler; neighbours are as ever meanwhile."""
    torment = tormenting("reads_without_end")
    await torment.start()
    await torment.until("running")
    await torment.publish()
    await torment.until("paused", "timed_out in on_event")
    await torment.neighbours_are_well()
    assert [one.sequence for one in (await torment.dead()).parked] == [2, 3]
    await torment.well_again()
    await torment.ended()


async def test_what_a_plugin_prints_is_not_seen(tormenting: MakeTormented, capfd: pytest.CaptureFixture[str]) -> None:
    """Secrets that a plugin prints, logs or warns of reach neither the host's output nor its errors."""
    torment = tormenting("prints")
    _secrets(torment)
    await _goes_on(torment, 20)
    await torment.ended()
    out, err = capfd.readouterr()
    assert SECRET not in out + err


async def test_secrets_are_told_nowhere(tormenting: MakeTormented, capfd: pytest.CaptureFixture[str]) -> None:
    """A secret in a log line, fact, effect, state or error is refused or hidden: it is in no table, list or log."""
    torment = tormenting("tells_secrets", policy=POLICY._replace(parked_in_a_row_max=100))
    _secrets(torment)
    await torment.start()
    await torment.publish(30)
    await torment.host.until(TORTURE, lambda report: report.parked == 30)
    await torment.neighbours_are_well()
    dead = await torment.dead()
    assert {one.code for one in dead.parked} == {"secret_kept", "raised", "wrong_password"}
    await torment.host.stop()
    out, err = capfd.readouterr()
    assert SECRET not in out + err
    assert SECRET.encode() not in msgspec.json.encode(dead)
    assert await torment.host.facts(TORTURE) == []
    files = list((torment.host.folder / "react").glob("react.torture*"))
    assert files
    assert not any(SECRET.encode() in file.read_bytes() for file in files)
    await torment.ended()


async def test_a_plugin_is_given_nothing_of_the_host(
    tormenting: MakeTormented, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process has no credentials in its environment, no open file or socket of the host but its own two."""
    monkeypatch.setenv("MILEPOST_JOURNAL_URL", "postgresql://milepost:password@nowhere/milepost")
    monkeypatch.setenv("PGPASSWORD", "password")
    torment = tormenting("looks_around")
    await _goes_on(torment, 5)
    marks = (torment.host.folder / "marks").read_text().splitlines()
    assert "cwd /" in marks
    variables = {mark.removeprefix("variable ") for mark in marks if mark.startswith("variable ")}
    assert "PYTHONPATH" in variables
    assert {name for name in variables if name.startswith(("MILEPOST", "PG", "NATS"))} == {"MILEPOST_PLUGIN_PROCESS"}
    files = [mark.removeprefix("open ") for mark in marks if mark.startswith("open ")]
    assert files.count("/dev/null") == 3
    assert sum(file.startswith("socket:") for file in files) == 2
    assert all(file == "/dev/null" or file.startswith(("socket:", "/proc/")) or "marks" in file for file in files)
    await torment.ended()


async def test_words_stay_sealed_for_whom_may_not_read_them(tormenting: MakeTormented) -> None:
    """Without the permission a plugin sees sealed words alone; what it keeps of them is sealed too."""
    torment = tormenting("reads_words")
    await _goes_on(torment, 40)
    state = torment.host.state(TORTURE)
    assert not any(value for key, value in state.items() if key.startswith("readable/"))
    titles = [value["title"] for key, value in state.items() if key.startswith("members/") and "title" in value]
    assert titles
    assert all(title.startswith("enc:v1:") for title in titles)
    await torment.ended()


async def test_words_that_may_be_read_are_not_kept(tormenting: MakeTormented) -> None:
    """A plugin that may read words and tries to keep them is refused for those events alone, and takes the others."""
    torment = tormenting("keeps_words", policy=POLICY._replace(parked_in_a_row_max=100))
    await torment.start()
    await torment.publish(60)
    await torment.neighbours_are_well()
    report = await torment.host.caught_up(TORTURE)
    dead = await torment.dead()
    assert {(one.code, one.type) for one in dead.parked} == {("words_kept", "goal.created")}
    assert report.parked == len(dead.parked) == 10
    assert b"To speak" not in msgspec.json.encode(dead)
    assert len(torment.host.state(TORTURE)) == 50
    await torment.well_again()
    assert len(torment.host.state(TORTURE)) == 60
    await torment.ended()


@pytest.mark.parametrize("mode", ["replay", "live"])
async def test_what_was_put_aside_counts_as_it_did_then(tormenting: MakeTormented, mode: Mode) -> None:
    """An event of history that is tried again later is history still: its effects are listed, not done."""
    torment = tormenting("raises_in_history")
    if mode == "live":
        await torment.start()
        await torment.until("running")
    await torment.publish(1)
    if mode == "replay":
        await torment.start()
    await torment.host.until(TORTURE, lambda report: report.parked == 1 and report.mode == "live")
    await torment.well_again()
    report = await torment.host.until(TORTURE, lambda report: not report.effects_waiting)
    assert (report.effects_sent, report.effects_suppressed) == ((0, 1) if mode == "replay" else (1, 0))
    await torment.ended()


async def test_a_plugin_may_take_its_time_to_end(tormenting: MakeTormented) -> None:
    """What a plugin does when it ends is done to its end, where that does not take too long."""
    torment = tormenting("ends_slowly", policy=POLICY._replace(end_s=10.0))
    await _goes_on(torment, 5)
    await torment.host.told("pause", TORTURE)
    assert (torment.host.folder / "marks").read_text() == "ended\n"
    await torment.host.told("resume", TORTURE)
    await torment.until("running")
    await torment.ended()
    assert (torment.host.folder / "marks").read_text() == "ended\nended\n"


def _secrets(torment: Tormented) -> None:
    file = torment.host.folder / "plugins" / f"{TORTURE}.secrets.toml"
    file.write_text(f'password = "{SECRET}"')
    file.chmod(0o600)
