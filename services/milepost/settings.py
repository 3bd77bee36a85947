"""Settings: flags or `MILEPOST_*` variables of the same name, each with its default and where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

PREFIX = "MILEPOST_"


class SettingsError(ValueError):
    """A setting that cannot be used; `code` is `invalid_setting`, `setting` its name."""

    code = "invalid_setting"

    def __init__(self, setting: str, message: str) -> None:
        """Name the setting."""
        super().__init__(f"{setting}: {message}")
        self.setting = setting


def _help(text: str, **constraints: Any) -> Meta:
    return Meta(description=text, **constraints)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; an empty URL means the embedded default in `data_dir`."""

    data_dir: Annotated[str, _help("where databases, keys and broker storage lie")] = "data"
    nats_url: Annotated[str, _help("the broker; empty: an embedded one")] = ""
    nats_port: Annotated[int, _help("port of the embedded broker", ge=0, le=65535)] = 4222
    nats_seed: Annotated[str, _help("file with the nkey seed of this process's role")] = ""
    http_port: Annotated[int, _help("port of /livez and /readyz", ge=0, le=65535)] = 8400
    http_host: Annotated[str, _help("address of the HTTP port")] = "127.0.0.1"
    journal_url: Annotated[str, _help("sqlite:///... or postgresql://...; empty: in data_dir")] = ""
    keys_url: Annotated[str, _help("persons' keys; a database of their own; empty: in data_dir")] = ""
    keys_dir: Annotated[str, _help("tenants' wrapping keys, outside every database; empty: in data_dir")] = ""
    origin: Annotated[
        str,
        _help("begins the name of every tenant's log and signing keys; for good", pattern=r"^[^+\s]{1,180}$"),
    ] = "milepost.local"
    proofs_dir: Annotated[str, _help("tenants' Merkle trees and signed checkpoints; empty: in data_dir")] = ""
    signing_dir: Annotated[str, _help("keys that sign checkpoints; for replay alone; empty: in data_dir")] = ""
    checkpoint_events: Annotated[int, _help("a checkpoint is signed after so many new events", ge=1)] = 1_000
    checkpoint_s: Annotated[
        float,
        _help("or so many seconds after the first new one; proofs wait for it", gt=0, le=86_400),
    ] = 60.0
    checkpoint_target: Annotated[
        str,
        _help("checkpoints go there too: file:///DIR, or s3://HOST/BUCKET with object lock"),
    ] = ""
    witnesses: Annotated[str, _help("vkey lines of witnesses whose cosignatures are checked, by commas")] = ""
    view_url: Annotated[str, _help("read models; empty: in data_dir")] = ""
    react_url: Annotated[str, _help("what plugins keep; sqlite:///... or postgresql://...; empty: in data_dir")] = ""
    plugins: Annotated[str, _help("the plugins that may run, separated by commas; installed is not enabled")] = ""
    plugins_inside: Annotated[
        str, _help("trusted plugins that run in the host's own process, which then nothing protects")
    ] = ""
    plugins_dir: Annotated[str, _help("PLUGIN.toml and PLUGIN.secrets.toml; empty: in data_dir")] = ""
    plugin_memory_mb: Annotated[
        int, _help("address space of a plugin's process; its libraries take a third of this", ge=128, le=65_536)
    ] = 1024
    plugin_blocks: Annotated[
        str, _help("yes: later events of a goal wait behind one that a plugin cannot take", pattern="^(yes|no)$")
    ] = "no"
    gateways: Annotated[str, _help("callers that may name other actors, separated by commas")] = "web,cli"
    replicas: Annotated[int, _help("copies of each stream in a cluster", ge=1, le=5)] = 1
    log_level: Annotated[str, _help("debug, info, warning or error", pattern="^(debug|info|warning|error)$")] = "info"
    rate_per_s: Annotated[
        int, _help("commands a tenant may send a second; 0: no limit. A busy office sends ten", ge=0)
    ] = 2000
    message_bytes_max: Annotated[
        int, _help("of one command; an imported goal with long texts is some 60 kB", ge=1024, le=1_000_000)
    ] = 131_072
    line_chars: Annotated[int, _help("of a title or name; longer fits no list", ge=20, le=2000)] = 200
    text_chars: Annotated[int, _help("of prose; about a page", ge=100, le=50_000)] = 4000
    measures: Annotated[int, _help("per goal; more is never weighed at a check-in", ge=1)] = 20
    milestones: Annotated[int, _help("per goal; two a week for a year", ge=1)] = 100
    actions: Annotated[int, _help("per goal; a larger plan is several goals", ge=1)] = 500
    parties: Annotated[int, _help("per goal; every event carries them", ge=1)] = 50
    access_reasons: Annotated[
        str,
        _help(
            "what others did is read, and anything exported, with a reason: required, or optional",
            pattern="^(optional|required)$",
        ),
    ] = "optional"
    wait_s: Annotated[float, _help("how long a query waits for min_sequence", ge=0, le=60)] = 5.0
    reviews: Annotated[
        str, _help("plugins asked before commands count: budget=goal.activate_goal,goal.close_goal; gate=mentorship.*")
    ] = ""
    # A person waits for the answer meanwhile, and half a second is where waiting is noticed. Less than accept's
    # patience of 4 s, so that the command can still be decided after it.
    review_s: Annotated[float, _help("how long a review may take, in seconds; then it is late", gt=0, le=3)] = 0.5
    review_late: Annotated[
        str, _help("what a late review does to the command: refuse, or pass with a warning", pattern="^(refuse|pass)$")
    ] = "refuse"


class Resolved(msgspec.Struct, frozen=True):
    """Settings with where each came from: `flag`, `MILEPOST_...` or `default`."""

    settings: Settings
    sources: dict[str, str]


def resolve(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Resolved:
    """Return the settings out of *flags* (None: not given), then the environment, then the defaults.

    Raises SettingsError naming the first setting that cannot be used.
    """
    environment = os.environ if environment is None else environment
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field in msgspec.structs.fields(Settings):
        variable = PREFIX + field.name.upper()
        if (flag := flags.get(field.name)) is not None:
            raw, sources[field.name] = flag, "flag"
        elif variable in environment:
            raw, sources[field.name] = environment[variable], variable
        else:
            sources[field.name] = "default"
            continue
        try:
            values[field.name] = msgspec.convert(raw, hints[field.name], strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(sources[field.name] if flag is None else field.name, str(error)) from error
    if values.get("reviews"):
        _check_reviews(values["reviews"], sources["reviews"])
    if values.get("checkpoint_target") or values.get("witnesses"):
        _check_log(values, sources)
    return Resolved(_with_paths(Settings(**values)), sources)


def _check_reviews(text: str, source: str) -> None:
    from milepost.reviewers import reviewers  # knows every command: whoever names no reviewer need not wait for it

    try:
        reviewers(text)
    except ValueError as error:
        raise SettingsError("reviews" if source == "flag" else source, str(error)) from error


def _check_log(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    from milepost.replay.tree.cosigning import witnesses_of
    from milepost.replay.tree.targets import TargetError, target_of
    from milepost_contracts.proofs.notes import NoteError

    setting = "checkpoint_target"
    try:
        target_of(values.get(setting, ""))
        setting = "witnesses"
        witnesses_of(values.get(setting, ""))
    except (TargetError, NoteError) as error:
        raise SettingsError(setting if sources[setting] == "flag" else sources[setting], str(error)) from error


def _with_paths(settings: Settings) -> Settings:
    here = Path(settings.data_dir).absolute()
    return msgspec.structs.replace(
        settings,
        data_dir=str(here),
        journal_url=settings.journal_url or f"sqlite:///{here / 'journal.sqlite'}",
        keys_url=settings.keys_url or f"sqlite:///{here / 'keys.sqlite'}",
        keys_dir=settings.keys_dir or str(here / "keys"),
        proofs_dir=settings.proofs_dir or str(here / "proofs"),
        signing_dir=settings.signing_dir or str(here / "signing"),
        view_url=settings.view_url or f"sqlite:///{here / 'view.sqlite'}",
        react_url=settings.react_url or f"sqlite:///{here / 'react' / 'react.sqlite'}",
        plugins_dir=settings.plugins_dir or str(here / "plugins"),
    )


def described() -> list[tuple[str, str, Any]]:
    """Return (name, what it is, default) of every setting, in order."""
    hints = get_type_hints(Settings, include_extras=True)
    return [(f.name, hints[f.name].__metadata__[0].description, f.default) for f in msgspec.structs.fields(Settings)]
