"""What an operator sets becomes rules: which stages are on, when, for whom, in which words; others for a programme."""

from __future__ import annotations

import string
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from milepost_contracts.types import Id, PersonRef
from milepost_nudges import addresses
from milepost_nudges.clock import known_zone
from milepost_nudges.quiet import Quiet

Role = Literal["owner", "mentee", "mentor", "peer", "member", "parties", "programme", "missing"]
Roles = tuple[Role, ...]
Days = Annotated[int, Meta(ge=0, le=366)]
PLACEHOLDERS = ("title", "due", "days", "goal", "link")


class _Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator writes: a member that is misspelt is an error."""


class Stage(_Plain, frozen=True, kw_only=True):
    """One kind of nudge: whether it is on, who gets it, and its words; see PLACEHOLDERS."""

    on: bool = True
    to: Roles = ("owner",)
    subject: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a placeholder that nothing fills."""
        for words in (self.subject, self.text):
            for _, name, spec, conversion in string.Formatter().parse(words):
                if name is not None and (name not in PLACEHOLDERS or spec or conversion):
                    told = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
                    raise ValueError(f"{{{name}}} is no placeholder; there are {told}; a brace itself is written twice")


class CheckInDue(Stage, frozen=True, kw_only=True):
    """On the day that a check-in is due."""

    subject: str = "A check-in is due"
    text: str = "The check-in on {title} is due on {due}. {link}"


class CheckInOverdue(Stage, frozen=True, kw_only=True):
    """When its grace has run out."""

    subject: str = "A check-in is overdue"
    text: str = "The check-in on {title} was due on {due}, {days} days ago. {link}"


class CheckInMentor(Stage, frozen=True, kw_only=True):
    """`days` after that, to the mentor."""

    to: Roles = ("mentor",)
    days: Days = 4
    subject: str = "A check-in waits for you both"
    text: str = "Since {due} there was no check-in on {title}: that is {days} days. {link}"


class CheckInProgramme(Stage, frozen=True, kw_only=True):
    """`days` after that, to those who run the programme."""

    to: Roles = ("programme",)
    days: Days = 14
    subject: str = "A goal goes without check-ins"
    text: str = "Since {due} there was no check-in on goal {goal}: that is {days} days. {link}"


class Deadline(Stage, frozen=True, kw_only=True):
    """So many `days` before the goal's deadline, once for each number."""

    days: Annotated[tuple[Days, ...], Meta(max_length=8)] = (14, 3)
    subject: str = "{days} days until the deadline"
    text: str = "The deadline of {title} is {due}, in {days} days. {link}"


class Silent(Stage, frozen=True, kw_only=True):
    """When nothing has happened to an active goal for `days`."""

    days: Annotated[int, Meta(ge=1, le=366)] = 21
    subject: str = "Nothing heard for {days} days"
    text: str = "Nothing has happened to {title} for {days} days. Is it still the right goal? {link}"


class Agreement(Stage, frozen=True, kw_only=True):
    """When somebody's yes has been missing for `days`."""

    to: Roles = ("missing",)
    days: Days = 5
    subject: str = "Your yes is missing"
    text: str = "For {days} days {title} has waited for your yes. Read it, and agree or decline. {link}"


class Stages(_Plain, frozen=True, kw_only=True):
    """Every stage; what is not named is as it is here."""

    check_in_due: CheckInDue = CheckInDue()
    check_in_overdue: CheckInOverdue = CheckInOverdue()
    check_in_mentor: CheckInMentor = CheckInMentor()
    check_in_programme: CheckInProgramme = CheckInProgramme()
    deadline: Deadline = Deadline()
    silent: Silent = Silent()
    agreement: Agreement = Agreement()


class Rules(_Plain, frozen=True, kw_only=True):
    """What holds for a goal: `grace_days` after its date a check-in is still in time."""

    # As Milepost's own: a talk that slips from Friday to Monday is a talk held.
    grace_days: Annotated[int, Meta(ge=0, le=31)] = 3
    quiet: Quiet = Quiet()
    stages: Stages = Stages()


class Person(_Plain, frozen=True, kw_only=True):
    """What is known here of a person: the zone in which the quiet hours hold for them."""

    time_zone: str

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown zone."""
        if known_zone(self.time_zone) is None:
            raise ValueError(f"{self.time_zone} is no IANA time zone: write for example Europe/Berlin")


class Config(Rules, frozen=True, kw_only=True):
    """`nudges.toml`.

    titles: whether messages name the goal; they leave the house. link: where a goal is shown, with `{goal}` for its id.
    health_settle_minutes: how long health has to stay beyond a line before that is told. people: what is known of
    them. programmes: members of Rules that are others for the goals of a programme.
    """

    titles: bool = False
    link: Annotated[str, Meta(max_length=500)] = ""
    health_settle_minutes: Annotated[int, Meta(ge=0, le=1440)] = 10
    people: dict[PersonRef, Person] = {}
    programmes: dict[Id, dict[str, Any]] = {}

    def __post_init__(self) -> None:
        """Raise ValueError where a programme's members do not fit."""
        for programme in self.programmes:
            try:
                rules_of(self, programme)
            except msgspec.ValidationError as error:
                raise ValueError(f"programmes.{programme}: {error}") from error


class Secrets(_Plain, frozen=True, kw_only=True):
    """`nudges.secrets.toml`: addresses as Apprise takes them, of persons, else of their programme, else by default.

    `{person}` in an address becomes the id of who is nudged, `{key}` a key that is the same on every try.
    """

    default: list[str] = []
    programmes: dict[Id, list[str]] = {}
    people: dict[PersonRef, list[str]] = {}

    def __post_init__(self) -> None:
        """Raise ValueError, without the address, for one that Apprise does not understand."""
        lists = {"default": self.default}
        lists |= {f"programmes.{name}": urls for name, urls in self.programmes.items()}
        lists |= {f"people.{name}": urls for name, urls in self.people.items()}
        for place, urls in lists.items():
            for number, url in enumerate(urls):
                if not addresses.understood(url):
                    raise ValueError(f"{place}[{number}] is no address that Apprise understands; see its list of them")

    def addresses(self, person: str, programme: str | None) -> list[str]:
        """Return where *person* is reached about a goal of *programme*; none: nowhere."""
        return self.people.get(person) or self.programmes.get(programme or "") or self.default


def rules_of(config: Config, programme: str | None) -> Rules:
    """Return what holds for the goals of *programme* (None: of none); raises ValidationError."""
    changes = config.programmes.get(programme or "")
    if not changes:
        return config
    base = {name: msgspec.to_builtins(getattr(config, name)) for name in Rules.__struct_fields__}
    return msgspec.convert(_merged(base, changes), Rules)


def stage_of(rules: Rules, name: str) -> Stage:
    """Return the stage called *name* in facts: of `deadline_14`, as of every number of days, `deadline`."""
    stage: Stage = getattr(rules.stages, "deadline" if name.startswith("deadline_") else name)
    return stage


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
