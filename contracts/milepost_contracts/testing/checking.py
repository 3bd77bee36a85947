"""A plugin is checked: everything happens to it, in every mode, twice, after restarts; what is wrong is a finding.

    checked = check(milepost_thank_you, config={...})
    assert not checked.findings

Nothing leaves the machine: effects are not performed, and a handler that connects by itself is stopped and told.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from milepost_contracts.failing import Failure
from milepost_contracts.loading import Plugin, load
from milepost_contracts.plugin import Mode, PluginError
from milepost_contracts.testing.asking import asked
from milepost_contracts.testing.everything import Everything
from milepost_contracts.testing.fresh import fresh, put_back
from milepost_contracts.testing.leftover import left_over
from milepost_contracts.testing.permissions import unused
from milepost_contracts.testing.trial import Ran, Trial, difference, general

# A plugin with this many ms an event takes a day and more for the 5 million events of a large programme's years.
SLOW_MS = 20.0
NEAR_LIMIT = 0.5  # of the manifest's own limit: a busy machine doubles it


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be put right: a stable `code`, where it is, and a sentence that says what to do."""

    code: str
    severity: Literal["error", "warning"]
    place: str
    message: str


class Checked(msgspec.Struct, kw_only=True):
    """What a check came to; `findings` empty: all is well. The numbers say how much there was to be seen."""

    plugin: str = ""
    findings: list[Finding] = []
    events: int = 0  # that came to the plugin
    effects: int = 0
    commands: int = 0
    facts: int = 0
    grants: int = 0
    timers: int = 0  # that were called
    kept: int = 0  # keys in its state
    ms_mean: float = 0.0
    ms_max: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def check(
    plugin: object, *, config: Mapping[str, Any] | None = None, secrets: Mapping[str, Any] | None = None
) -> Checked:
    """Check *plugin*: a module, an object or an EntryPoint, with its configuration; never raises for what it does."""
    with put_back():
        return _checked(plugin, config, secrets)


def _checked(plugin: object, config: Mapping[str, Any] | None, secrets: Mapping[str, Any] | None) -> Checked:
    checked = Checked()
    try:
        loaded = load(fresh(plugin))
        checked.plugin = loaded.manifest.id
        loaded.configured("config_schema", config, source="config")
        loaded.configured("secrets_schema", secrets, source="secrets")
    except PluginError as error:
        checked.findings.append(_finding(error.code, "loading", str(error)))
        return checked
    everything = _everything()

    def run(mode: Mode = "live", **how: Any) -> Ran:
        ran = Trial(everything, plugin, config, secrets, mode=mode).run(**how)
        runs.append(ran)
        return ran

    runs: list[Ran] = []
    live = run()
    if live.broken is not None:
        checked.findings.append(_failed(live.broken, "start"))
        return checked
    found = [
        *_compared(live, run(), "not_deterministic"),
        *_twice(run(twice=True)),
        *_compared(run(timers=False), run("replay", timers=False), "differs_in_replay", "grant"),
        *_compared(live, run(restarts=True), "lost_on_restart"),
        *_compared(live.of("acme"), run(tenant="acme").of("acme"), "tenants_mixed"),
        *(_finding(*one) for one in left_over(everything, live)),
        *slow(loaded, runs),
        *(_failed(failure, name) for failure, name in asked(everything, plugin, config, secrets)),
    ]
    run("dry_run")
    run(late=True)
    found += [*_failures(runs), *(_finding(*one) for one in unused(loaded, runs))]
    unique = {(one.code, one.place): one for one in reversed(found)}
    checked.findings = sorted(unique.values(), key=lambda one: (one.severity, one.code, one.place))
    _count(checked, live)
    return checked


@functools.cache
def _everything() -> Everything:
    return Everything()  # a quarter of a second; nobody changes it


# What to do, by the code of a finding. Failures of the runner say it themselves, where they are not listed here.
_ADVICE = {
    "raises": "{what}: a handler that raises is tried again, and then its event is parked",
    "later": "{what}: it asked to be tried again later until the check gave up",
    "timed_out": "{what}: its manifest gives it less time than it takes; do slow things in `perform`",
    "not_deterministic": "two runs over the same events differ: {what}. Leave out clocks and random numbers; "
    "use `context.now` and ids that are made of the event's",
    "not_idempotent": "an event that comes again, without its position, changes something: {what}. Keep what is done "
    "by the event's id or the day, instead of counting",
    "effect_changes": "the effect {what} has two contents under one key: make its arguments of the event alone",
    "differs_in_replay": "who gets a reward depends on the mode: {what}. Decide the same in every mode; the host only "
    "lists effects in replay",
    "lost_on_restart": "after a restart something is different: {what}. Keep it in `context.state`, not in a variable",
    "tenants_mixed": "what becomes of one tenant depends on another's events: {what}. Variables are shared by all "
    "tenants; `context.state` is not",
    "outside_effect": "{what} by itself: ask for an effect and do it in `perform`, or a replay does it again for "
    "years of events",
    "grant_stands": "the reward {what} stands although its cause was taken back: give it back in `on_retracted`",
    "person_kept": "{what} still names a person who was erased: delete it in `on_person_erased`",
    "words_kept": "{what} holds words of people: keep ids, and open the words in `perform` or when they are shown",
    "slow": "{what}: do slow things in `perform`",
    "unknown_event": "{what}",
    "unused_permission": "{what}: leave it out, since an operator has to trust it",
}
_WARNINGS = {"unused_permission", "slow", "later"}


def _finding(code: str, place: str, what: str) -> Finding:
    message = _ADVICE.get(code, "{what}").format(what=what)
    # Where the position is kept, as the host does, state that counts is right; it is not where history is replayed.
    harmless = code in _WARNINGS or (code == "not_idempotent" and place.startswith(("state ", "timer ")))
    return Finding(code=code, severity="warning" if harmless else "error", place=place, message=message)


def _failed(failure: Failure, name: str) -> Finding:
    code = "raises" if failure.code == "raised" else failure.code
    place = f"{failure.hook} at {name}" if name != failure.hook else name
    what = failure.error if code != "raises" else f"{failure.error} at {failure.place}"
    return _finding(code, place, what)


def _failures(runs: Sequence[Ran]) -> list[Finding]:
    """Find what failed, each error once, where it came first, and what was done to the world outside."""
    failed: dict[tuple[str, str, str, str], Finding] = {}
    for ran in runs:
        for failure, name in ran.failures:
            failed.setdefault((failure.code, failure.hook, failure.error, failure.place), _failed(failure, name))
    return [*failed.values(), *(_finding("outside_effect", *one) for ran in runs for one in ran.outside)]


def _compared(one: Ran, other: Ran, code: str, *only: str) -> list[Finding]:
    changed = [_finding("effect_changes", general(key), general(key)) for key in sorted(other.conflicts_with(one))]
    differs = difference(one.looks(*only), other.looks(*only))
    return changed + ([_finding(code, *differs)] if differs and not changed else [])


def _twice(ran: Ran) -> list[Finding]:
    changed = [_finding("effect_changes", general(key), general(key)) for key in ran.conflicts]
    return changed + [_finding("not_idempotent", place, f"at {name}, {what}") for name, place, what in ran.repeated]


def slow(plugin: Plugin, runs: Sequence[Ran]) -> list[Finding]:
    """Find events that take long in every run: a single time may be the machine's."""
    found: list[Finding] = []
    for name in sorted(set.intersection(*(set(ran.ms) for ran in runs))):
        ms = min(min(ran.ms[name]) for ran in runs)
        limit_ms = plugin.manifest.timeout_s * 1000
        if ms > limit_ms * NEAR_LIMIT:
            found.append(_finding("slow", name, f"{ms:.0f} ms of the {limit_ms:.0f} that its manifest allows"))
        elif ms > SLOW_MS:
            found.append(_finding("slow", name, f"{ms:.0f} ms an event, where {SLOW_MS:.0f} is much already"))
    return found


def _count(checked: Checked, ran: Ran) -> None:
    looks = list(ran.looks())
    checked.events = sum(map(len, ran.ms.values()))
    checked.effects = len([key for key in ran.asked if "/command:" not in key])
    checked.commands = len(ran.asked) - checked.effects
    checked.facts = len([name for name in looks if name[0] == "fact"])
    checked.grants = len([name for name in looks if name[0] == "grant"])
    checked.kept = len([name for name in looks if name[0] == "state"])
    checked.timers = ran.fired
    times = [ms for many in ran.ms.values() for ms in many]
    checked.ms_mean, checked.ms_max = (round(sum(times) / len(times), 3), max(times)) if times else (0.0, 0.0)
