"""What every verb has: flags that say where and who, help in parts, an example, and one way to end."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, NoReturn, cast

import click

from milepost.cli.errors import VerbError, misused
from milepost.cli.out import Out
from milepost.cli.where import Where
from milepost.settings import SettingsError

Call = Callable[..., int | None]
_WHERE = ("as_", "tenant", "json", "data_dir", "nats_url", "nats_port", "nats_seed")


def _where_options(*, asks: bool) -> list[click.Option]:
    """Return the flags of every verb that prints data, and of those that ask somebody."""
    options = [click.Option(["--json"], is_flag=True, help="documents for programs instead of text")]
    if asks:
        options += [
            click.Option(
                ["--as", "as_"], metavar="WHO", help="who you are: a name of the sample, user:UUID [MILEPOST_AS]"
            ),
            click.Option(["--tenant"], metavar="NAME", help="whose goals [MILEPOST_TENANT]"),
        ]
    return [
        *options,
        click.Option(["--data-dir"], metavar="DIR", help="of the Milepost on this machine [MILEPOST_DATA_DIR]"),
        click.Option(["--nats-url"], metavar="URL", help="a broker elsewhere [MILEPOST_NATS_URL]"),
        click.Option(["--nats-port"], type=int, metavar="N", help="of a broker on this machine [MILEPOST_NATS_PORT]"),
        click.Option(["--nats-seed"], metavar="FILE", help="your key for that broker [MILEPOST_NATS_SEED]"),
    ]


class Parted(click.Option):
    """An option that help shows under a heading of its own."""

    def __init__(self, *arguments: Any, part: str, **keywords: Any) -> None:
        """Take the heading beside what an option takes."""
        super().__init__(*arguments, **keywords)
        self.part = part


class Verb(click.Command):
    """A verb: *call* gets a Where, an Out and its own values by name, and returns the exit status (None: 0)."""

    def __init__(
        self,
        name: str,
        call: Call,
        params: Iterable[click.Parameter] = (),
        *,
        examples: Iterable[str],
        text: str = "",
        asks: bool = True,
        where: bool = True,
    ) -> None:
        """Take the verb; *asks*: it speaks to Milepost as somebody. *where*: it takes the flags of every verb."""
        self.examples = tuple(examples)
        self._call = call
        self._common = _where_options(asks=asks) if where else []
        help_text = text or inspect.getdoc(call) or ""
        super().__init__(name, callback=None, params=[*params, *self._common], help=help_text)

    def invoke(self, ctx: click.Context) -> int:
        """Run the verb; what ends it is printed here, in the form that was asked for."""
        values = dict(ctx.params)
        flags = {name: values.pop(name) for name in _WHERE if any(option.name == name for option in self._common)}
        out = Out(as_json=bool(flags.get("json")))
        try:
            return self._call(_where(flags), out, **values) or 0
        except VerbError as error:
            out.error(error)
            return error.status
        except BrokenPipeError:
            # Whoever reads our output has seen enough; nothing more may be flushed into the closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verb's own options first, then those with a heading, then those of every verb."""
        parts: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or isinstance(param, click.Argument):
                continue
            heading = "Where and who" if param in self._common else getattr(param, "part", "Options")
            parts.setdefault(heading, []).append(record)
        own = parts.pop("Options")
        for heading, records in {"Options": own, **parts}.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are to be typed."""
        if self.examples:
            with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


def _where(flags: Mapping[str, Any]) -> Where:
    try:
        return Where(flags)
    except SettingsError as error:
        raise misused(error.code, str(error), error.setting) from error


class Entry(NamedTuple):
    """A verb of a group that is made only when it is wanted: its line in the list, and under which heading."""

    short: str
    part: str
    load: Callable[[], click.Command]


class Group(click.Group):
    """Verbs by name, listed under headings; *also* gives some of them a second name."""

    def __init__(
        self, name: str, entries: Mapping[str, Entry], *, text: str, also: Mapping[str, str] | None = None
    ) -> None:
        """Take the verbs."""
        super().__init__(name, help=text, no_args_is_help=True, subcommand_metavar="VERB ...")
        self.entries = entries
        self.also = also or {}
        self._made: dict[str, click.Command] = {}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        return list(self.entries)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, made now."""
        name = self.also.get(cmd_name, cmd_name)
        if name in self.entries and name not in self._made:
            self._made[name] = self.entries[name].load()
        return self._made.get(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is asked for; names near an unknown one are told."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            self._unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, name: str) -> NoReturn:
        from difflib import get_close_matches

        near = get_close_matches(name, [*self.entries, *self.also])
        message = f"There is no verb {name!r}" + (f": did you mean {' or '.join(near)}?" if near else ".")
        raise misused("unknown_verb", message, hint=f"{ctx.command_path} --help lists them.")

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs under their headings, without making any."""
        parts: dict[str, list[tuple[str, str]]] = {}
        second = {name: other for other, name in self.also.items()}
        for name, entry in self.entries.items():
            shown = f"{name}, {second[name]}" if name in second else name
            parts.setdefault(entry.part, []).append((shown, entry.short))
        for heading, rows in parts.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def loading(module: str, name: str) -> Callable[[], click.Command]:
    """Return a way to make the verb *name* of *module*, which is imported only then: starting stays fast."""

    def load() -> click.Command:
        return cast("click.Command", getattr(import_module(f"milepost.cli.{module}"), name)())

    return load
