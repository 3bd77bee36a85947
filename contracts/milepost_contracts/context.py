"""What a handler is handed beside the event: what it may look at, and where it says what it wants."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from milepost_contracts.commands import Command
from milepost_contracts.plugin import (
    Delivered,
    Grant,
    Manifest,
    Mode,
    ObjectiveMapping,
    PluginError,
    matches,
    strings,
)
from milepost_contracts.strict import strict
from milepost_contracts.turns import (
    CommandWanted,
    EffectWanted,
    FactWanted,
    GoalThen,
    Line,
    Port,
    ReplayWanted,
    Turn,
)

__all__ = [
    "CommandWanted", "Context", "EffectWanted", "FactWanted", "GoalThen", "Line", "Port", "ReplayWanted", "State",
    "Turn", "plain",
]  # fmt: skip
T = TypeVar("T")

KEY_CHARS_MAX = 300  # a key names a thing; whatever is longer is content
VALUE_BYTES_MAX = 64 * 1024  # state is read and written with each event; larger things belong elsewhere
KEPT_MAX = 1_000  # writes, effects, facts, timers of one event: more is a loop that does not end
# Opened words so long are recognised where they must not be kept. A net, no proof: shorter ones are anybody's, and a
# goal that somebody calls `points` must not stop a plugin that gives points.
WORDS_CHARS_MIN = 16
RESERVED = "~"  # keys that begin so are the runner's own
NAME_CHARS_MAX = 200  # of an effect: it names what is to be done, and is part of the key that receivers get
TURN_BYTES_MAX = 1024 * 1024  # of one event: what a batch of events comes to travels in one frame to the host
LOG_BYTES_MAX = 8 * 1024  # a line of a log is read by people
LOG_LINES_MAX = 50  # of one event; all plugins share the log
DELAY_S_MAX = 366 * 24 * 3600.0  # whoever wants something later than in a year sets a timer, which can be cancelled
OWN_FACTS = frozenset({"reward_granted", "reward_revoked"})  # the host's: they are told with the grant itself
FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}").fullmatch
# What a command gets when it is sent; here it only has to fit.
_SOME_ID = "00000000-0000-0000-0000-000000000000"


class State:
    """What a plugin keeps, per tenant: JSON values by key. Kept with the position of the event that wrote them."""

    def __init__(self, context: Context) -> None:
        """Take the context that it is of."""
        self._context = context

    def get(self, key: str, type_: type[T] | Any = Any, default: Any = None) -> Any:
        """Return the value of *key* as *type_*, *default* where there is none."""
        found = self._context.read(_key(key))
        return default if found is None else msgspec.json.decode(found, type=type_)

    def __contains__(self, key: str) -> bool:
        return self._context.read(_key(key)) is not None

    def items(self, prefix: str = "", type_: type[T] | Any = Any) -> Iterator[tuple[str, Any]]:
        """Yield keys that begin with *prefix*, in order, with their values as *type_*."""
        for key, value in self._context.scan(prefix):
            if not key.startswith(RESERVED):
                yield key, msgspec.json.decode(value, type=type_)

    def set(self, key: str, value: Any) -> None:
        """Keep *value* (anything that msgspec encodes as JSON); raises PluginError for words of people in it."""
        self._context.write(_key(key), value)

    def delete(self, key: str) -> None:
        """Keep nothing under *key* any more."""
        self._context.write(_key(key), _GONE)


class Around(NamedTuple):
    """What is the same in every turn of a plugin; *hidden*: its secrets, which go nowhere."""

    manifest: Manifest
    port: Port
    config: Any = None
    secrets: Any = None
    hidden: frozenset[str] = frozenset()
    performs: bool = True
    wakes: bool = True


class Context:
    """One turn of a plugin: reads go through it, wishes collect in it."""

    def __init__(  # noqa: PLR0913  made by the runner alone
        self,
        around: Around,
        tenant: str,
        now: dt.datetime,
        mode: Mode = "live",
        event: Delivered | None = None,
        *,
        opened: Iterable[str] = (),
        writable: bool = True,
        replays: bool = False,
        timer: tuple[str, dt.datetime] | None = None,
    ) -> None:
        """Take what the runner knows; *opened*: words of people that this turn has seen."""
        self.tenant = tenant
        self.mode = mode
        self.now = now
        self.config = around.config
        self.secrets = around.secrets
        self.state = State(self)
        self.objectives: list[ObjectiveMapping] = []
        self.turn = Turn()
        self._around = around
        self._event = event
        self.seen: list[str] = []
        self._words: set[str] = set()
        if opened:
            self._see(opened)
        self._writable = writable
        self._replays = replays
        self._timer = timer
        self._granted: dict[tuple[str | None, str | None], list[Grant]] = {}  # by goal and person
        self._bytes = 0
        self._over = False
        self.revoking: list[Grant] | None = None  # a list while an event is handled

    # What a handler may ask for

    def effect(self, name: str, arguments: dict[str, Any] | None = None, *, delay_s: float = 0) -> None:
        """Have `perform` called with *name* and *arguments* once this turn is kept; in replay it is only listed.

        The key is made of plugin, event and *name*: two effects of one event need two names. *arguments* hold no
        words of people: `perform` is given the event again, with words opened.
        """
        self._may_write()
        if not self._around.performs:
            raise PluginError("missing_hook", "effects are asked for, but there is no `perform` hook")
        if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
            raise PluginError("bad_name", f"an effect's name has 1 to {NAME_CHARS_MAX} characters that can be printed")
        if name.startswith("command:"):
            raise PluginError("bad_name", "names that begin with `command:` are the host's own")
        if not isinstance(delay_s, int | float) or not 0 <= delay_s <= DELAY_S_MAX:
            raise PluginError("bad_delay", f"an effect is delayed by 0 to {DELAY_S_MAX:.0f} seconds")
        made = _members(arguments, f"the arguments of effect {name!r}")
        self._no_words([name, made], f"the effect {name!r}")
        if any(one.name == name for one in self.turn.effects):
            raise PluginError("effect_twice", f"the effect {name!r} was asked for twice: give each its own name")
        self.turn.effects.append(EffectWanted(name, made, delay_s))
        self._bounded(made)

    def fact(self, name: str, data: dict[str, Any] | msgspec.Struct | None = None, *, once: str = "") -> None:
        """Tell everybody: a fact in GOALS_PLUGIN, with the plugin's version and the event that caused it.

        *name*: 1 to 63 of a-z, 0-9 and _, a letter first.
        *once*: what it is told of (`goal/ID/2026-03-02`) where a timer tells it now and an event in a replay: its id
        is made of that then, so that it counts once whatever told it.
        """
        self._may_write()
        if not isinstance(name, str) or not FACT_NAME(name):
            raise PluginError("bad_name", f"{name!r} is no name of a fact: 1 to 63 of a-z, 0-9 and _, a letter first")
        if name in OWN_FACTS:
            raise PluginError("bad_name", f"the host tells {name!r} itself, when a reward is granted or revoked")
        if not isinstance(once, str) or len(once) > KEY_CHARS_MAX or not _storable(once):
            raise PluginError("bad_key", f"`once` of fact {name!r} has up to {KEY_CHARS_MAX} characters, like a key")
        made = _members(data, f"the fact {name!r}")
        self._no_words([made, once], f"the fact {name!r}")
        self.turn.facts.append(FactWanted(name, made, once))
        self._bounded(made)

    def command(self, command: type[Command], **fields: Any) -> None:
        """Send a command back once this turn is kept, as the plugin itself; it may be refused, which is logged.

        *fields*: those of the command without `command_id` and `actor`; `id` is the event's aggregate unless given.
        """
        self._may_write()
        if not (isinstance(command, type) and issubclass(command, Command)):
            raise PluginError("bad_command", "give the command's class, e.g. milepost_contracts.commands.goal.TagGoal")
        name = f"{command.AGGREGATE}.{command.NAME}"
        if not any(matches(pattern, name) for pattern in self._around.manifest.permissions.commands):
            raise PluginError("not_permitted", f"the manifest's permissions do not list the command {name}")
        if fields.keys() & {"command_id", "actor"}:
            raise PluginError("bad_command", f"{name}: `command_id` and `actor` are set by the host")
        if "id" not in fields and self._event is not None:
            fields["id"] = self._event.aggregate_id
        made = _members(fields, f"the command {name}")
        self._no_words(made, f"the command {name}")
        try:
            msgspec.convert(made | {"command_id": _SOME_ID, "actor": self._around.manifest.actor}, strict(command))
        except msgspec.ValidationError as error:
            raise PluginError("bad_command", f"{name}: {error}") from error
        self.turn.commands.append(CommandWanted(command.AGGREGATE, command.NAME, made))
        self._bounded(made)

    def redeliver(self, first: int = 1, last: int | None = None, arguments: dict[str, Any] | None = None) -> None:
        """Have past events of the tenant, sequences *first* to *last*, given to `on_replayed` with *arguments*.

        Only in `act`, so that no event can bring itself again. Events that have not come yet are not among them.
        """
        self._may_write()
        if not self._replays:
            raise PluginError("not_permitted", "past events can be asked for in `act` alone, with a hook `on_replayed`")
        if first < 1 or (last is not None and last < first):
            raise PluginError("bad_range", f"there are no events from sequence {first} to {last}")
        self.turn.replays.append(ReplayWanted(first, last, _members(arguments, "the arguments of a replay")))
        self._bounded()

    def revoke(self, grant: Grant) -> None:
        """Take *grant* back because of the event at hand, where `on_retracted` is not told, e.g. of an amended closing.

        It is done when the handler returns, and `on_revoked` is called; one that stands no longer stays as it is.
        """
        self._may_write()
        if self.revoking is None:
            raise PluginError("no_cause", "a reward is taken back because of an event: only while one is handled")
        self.revoking.append(grant)

    def wake_at(self, key: str, at: dt.datetime) -> None:
        """Have `on_timer(key, at)` called at *at* (aware); another call with the same key replaces it."""
        self._may_write()
        if not self._around.wakes:
            raise PluginError("missing_hook", "a timer is asked for, but there is no `on_timer` hook")
        if not isinstance(at, dt.datetime) or at.tzinfo is None:
            raise PluginError("naive_instant", f"the timer {_key(key)!r} needs a datetime with a time zone")
        if self._timer is not None and key == self._timer[0] and at <= self._timer[1]:
            raise PluginError("timer_loop", f"the timer {key!r} sets itself to when it was due: it would never end")
        self._no_words(key, "the key of a timer")
        self.turn.timers[_key(key)] = at.astimezone(dt.UTC)
        self._bounded()

    def cancel(self, key: str) -> None:
        """Have the timer *key* not called any more."""
        self._may_write()
        self.turn.timers[_key(key)] = None

    def goal_at(self, id_: str, version: int | None = None) -> dict[str, Any]:
        """Return a goal's state after its *version* (None: newest), made of its events as this plugin may read them.

        So a word is opened if it is in the event that brought it: a title by `goal.created/title`, or by
        `goal.refined/after` if it was changed since. All others are sealed. Raises PluginError `not_permitted`,
        `unknown_goal`.
        """
        if not self._around.manifest.permissions.history:
            raise PluginError("not_permitted", "the manifest's permissions do not say history = true")
        self._may_look()
        found = self._around.port.goal_at(self.tenant, id_, version)
        self._see(found.words)
        return found.state

    def grants(self, *, goal: str | None = None, person: str | None = None, standing: bool = True) -> list[Grant]:
        """Return what this plugin has granted: of a goal, to a person; revoked ones too with *standing* False."""
        self._may_look()
        asked = (goal, person)
        if asked not in self._granted:
            self._granted[asked] = self._around.port.grants(self.tenant, goal, person)
        known = {grant.id: grant for grant in self._granted[asked]}
        for grant in (*self.turn.granted, *self.turn.revoked):
            known[grant.id] = grant
        return [
            grant
            for grant in known.values()
            if (goal is None or grant.aggregate_id == goal)
            and (person is None or grant.reward.to == person)
            and (grant.stands or not standing)
        ]

    def of(self, tenant: str) -> Context:
        """Return what can be looked at of *tenant*; for `start`, `stop` and `health`, which are of no tenant."""
        if self.tenant:
            raise PluginError("not_permitted", "what is of one tenant does not look at another")
        return Context(self._around, tenant, self.now, self.mode, writable=False)

    def log(self, message: str, **fields: Any) -> None:
        """Add a line to the host's log, where nobody reads more than some lines; words of people are refused."""
        self._may_look()
        made = plain({"message": str(message), **fields}, "a log line", bytes_max=LOG_BYTES_MAX)
        self._no_words(made, "a log line")
        if len(self.turn.log) < LOG_LINES_MAX:
            self.turn.log.append(Line(made.pop("message")[:200], made))
        elif len(self.turn.log) == LOG_LINES_MAX:
            self.turn.log.append(Line("more was logged than anybody reads: it is left out", {}))

    # What the runner and the state use

    def end(self) -> None:
        """Let nothing be looked at or asked for any more: the turn is being kept."""
        self._over = True

    def read(self, key: str) -> bytes | None:
        """Return what is under *key*, as this turn would leave it."""
        self._may_look()
        if key in self.turn.writes:
            return self.turn.writes[key]
        return self._around.port.get(self.tenant, key)

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return keys that begin with *prefix*, in order, as this turn would leave them."""
        self._may_look()
        found = dict(self._around.port.scan(self.tenant, prefix))
        for key, value in self.turn.writes.items():
            if key.startswith(prefix):
                if value is None:
                    found.pop(key, None)
                else:
                    found[key] = value
        return sorted(found.items())

    def write(self, key: str, value: Any) -> None:
        """Put *value* under *key*; raises PluginError."""
        self._may_write()
        if not self._around.manifest.stores:
            raise PluginError("not_permitted", "the manifest does not say stores = True")
        if value is _GONE:
            self.turn.writes[key] = None
            self._bounded()
            return
        made = plain(value, f"the value of {key!r}")
        self._no_words([key, made], f"the state {key!r}")
        self._bytes -= len(self.turn.writes.get(key) or b"")
        self.turn.writes[key] = msgspec.json.encode(made)
        self._bounded(made)

    def _see(self, words: Iterable[str]) -> None:
        """Take note of *words* of people that are opened now, so that they are kept nowhere and told by no error."""
        seen = list(words)
        self.seen += seen
        self._words.update(text for text in seen if len(text) >= WORDS_CHARS_MIN)

    def _may_look(self) -> None:
        if self._over:
            message = "the handler is over: what it left running cannot look at anything or ask for anything"
            raise PluginError("turn_over", message)

    def _may_write(self) -> None:
        self._may_look()
        if not self._writable:
            raise PluginError("read_only", "here nothing can be written or asked for: only looked at")

    def _bounded(self, made: Any = None) -> None:
        if made is not None:
            self._bytes += len(msgspec.json.encode(made))
        if self.turn.count > KEPT_MAX:
            raise PluginError("too_much", f"one event came to more than {KEPT_MAX} writes, effects, facts and timers")
        if self._bytes > TURN_BYTES_MAX:
            raise PluginError("too_much", f"one event came to more than {TURN_BYTES_MAX} bytes")

    def _no_words(self, node: Any, where: str) -> None:
        """Refuse words of people where they would be kept: an erased person's words must be nowhere. Secrets too."""
        if not self._words and not self._around.hidden:
            return
        for text in strings(node):
            if any(words in text for words in self._words):
                raise PluginError("words_kept", f"{where} holds words of people: keep ids, open the words when needed")
            if any(secret in text for secret in self._around.hidden):
                raise PluginError("secret_kept", f"{where} holds a secret: `perform` has them in `context.secrets`")


_GONE = object()


def _key(key: str) -> str:
    if not isinstance(key, str) or not 1 <= len(key) <= KEY_CHARS_MAX or key.startswith(RESERVED) or not _storable(key):
        raise PluginError("bad_key", f"a key has 1 to {KEY_CHARS_MAX} characters and does not begin with {RESERVED}")
    return key


def _storable(text: str) -> bool:
    """Whether every database takes *text*: no NUL, no half of a character."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _members(value: Any, where: str) -> dict[str, Any]:
    made = plain({} if value is None else value, where)
    if not isinstance(made, dict):
        raise PluginError("not_json", f"{where}: members with names are wanted, not a {type(made).__name__}")
    return made


def plain(value: Any, where: str, *, bytes_max: int = VALUE_BYTES_MAX) -> Any:
    """Return *value* as JSON that nobody else holds; raises PluginError `not_json`, `too_much`, naming *where*."""
    try:
        encoded = msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise PluginError("not_json", f"{where} is no JSON: {error}") from error
    if len(encoded) > bytes_max:
        raise PluginError("too_much", f"{where} has {len(encoded)} bytes; {bytes_max} is most")
    return msgspec.json.decode(encoded)
