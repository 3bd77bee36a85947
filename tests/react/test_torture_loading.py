"""A plugin that does not load, or does not start, is reported by name with what is wrong, and hurts nobody."""

from __future__ import annotations

import pytest

from tests.react.conftest import MakeTormented
from tests.react.tormenting import POLICY, TORTURE, Tormented

# What misbehaves, and what is said of it.
NOT_LOADED = {
    "import_error": "import_failed: torture_plugin cannot be imported: ModuleNotFoundError: No module named 'no_",
    "raises_at_import": "import_failed: torture_plugin cannot be imported: ValueError: not today",
    "system_exit_at_import": "import_failed: torture_plugin cannot be imported: SystemExit: 7",
    "fills_memory_at_import": "import_failed: torture_plugin cannot be imported: MemoryError",
    "unknown_hook": "unknown_hook: there is no hook 'on_evnt': did you mean 'on_event'?",
    "wrong_argument": "wrong_argument: the hook 'on_event' has no argument 'evnt': did you mean 'event'?",
    "api_too_new": "api_unsupported: it is written for api 99; this host serves 1 to 1: install a newer Milepost",
    "no_manifest": "no_manifest: ",
    "wrong_manifest": "invalid_manifest: ",
    "other_name": "name_differs: the entry point is called 'torture', the manifest says 'left'",
    "forgets_nobody": "missing_hook: it needs the hook 'on_person_erased'",
    "raises_in_start": "start_failed: its hook start failed: raised: ValueError at ",
    "hangs_in_start": "start_failed: its hook start failed: timed_out",
}
NEVER_READY = {
    "exits_at_import": "its process ended 2 times before it was ready: the process ended with 7",
    "exits_in_start": "its process ended 2 times before it was ready: the process ended with 5",
    "hangs_at_import": "its process ended 2 times before it was ready: it took longer than",
}


@pytest.mark.parametrize(("module", "why"), NOT_LOADED.items(), ids=NOT_LOADED)
async def test_what_does_not_load_is_named_and_loads_when_it_was_mended(
    tormenting: MakeTormented, module: str, why: str
) -> None:
    """It is said what is wrong; neighbours are as ever; mended, it is found by itself and misses nothing."""
    torment = tormenting(module)
    await torment.start()
    report = await torment.until("not_loaded", why)
    assert report.plugin == TORTURE
    await torment.publish()
    await torment.neighbours_are_well()
    await _mended(torment)


@pytest.mark.parametrize(("module", "why"), NEVER_READY.items(), ids=NEVER_READY)
async def test_what_is_never_ready_is_paused_and_resumed_when_it_was_mended(
    tormenting: MakeTormented, module: str, why: str
) -> None:
    """A process that ends or hangs before it is ready is started a few times, then paused visibly; resume starts it."""
    torment = tormenting(module, policy=POLICY._replace(start_s=3.0))
    await torment.start()
    await torment.publish()
    await torment.until("paused", why)
    await torment.neighbours_are_well()
    torment.install("counts")
    torment.mend()
    await torment.host.told("resume", TORTURE)
    await _mended(torment)


async def _mended(torment: Tormented) -> None:
    torment.install("counts")
    torment.mend()
    await torment.until("running")
    await torment.host.caught_up(TORTURE)
    assert len(torment.host.state(TORTURE)) == len(torment.host.story.documents)
    await torment.ended()


async def test_a_configuration_that_does_not_fit_is_named_with_its_place(tormenting: MakeTormented) -> None:
    """What is misspelt, of the wrong kind or no TOML at all is told with the file and the place in it."""
    torment = tormenting("counts")
    for text, why in (
        ("brokn = false", "torture.toml: brokn: no such setting: did you mean 'broken'?"),
        ('broken = "perhaps"', "torture.toml: broken: Expected `bool`, got `str`"),
        ("broken =", "torture.toml: Invalid value (at end of document)"),
    ):
        torment.host.configure(TORTURE, text)
        if torment.host.service is None:
            await torment.start()
        await torment.until("not_loaded", why)
    await torment.publish()
    await torment.neighbours_are_well()
    await _mended(torment)


async def test_secrets_that_others_can_read_are_refused(tormenting: MakeTormented) -> None:
    """A plugin whose secrets file others may read is not started until the file is its owner's alone."""
    torment = tormenting("counts")
    secrets = torment.host.folder / "plugins" / f"{TORTURE}.secrets.toml"
    secrets.write_text("")
    secrets.chmod(0o640)
    await torment.start()
    await torment.until("not_loaded", f"secrets_readable: {secrets} can be read by others: chmod 600 it")
    await torment.publish()
    await torment.neighbours_are_well()
    secrets.chmod(0o600)
    await _mended(torment)
