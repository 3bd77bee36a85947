"""The command line begins and ends here: verbs are found by name, and every way to end has its exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from milepost.cli.errors import BAD_USAGE, INTERRUPTED, VerbError, misused
from milepost.cli.out import Out
from milepost.cli.verbs import Entry, Group, loading

GOALS, PEOPLE, WATCHING, RUNNING = "Goals", "People and organisations", "What needs looking after", "Running Milepost"
AUDITING = "What happened, and how one knows"


VERBS = {
    "goal": Entry("create, refine, agree, check in, close ...; list and show", GOALS, loading("aggregates", "goal")),
    "inbox": Entry("what waits for you", GOALS, loading("lists", "inbox")),
    "watch": Entry("events as they happen, words opened", GOALS, loading("watching", "watch")),
    "import": Entry("commands from a file, one JSON document a line", GOALS, loading("importing", "import_")),
    "export": Entry("a goal, a person ... as a bundle that others can check", GOALS, loading("exporting", "export")),
    "whoami": Entry("who you are here; --set remembers it", PEOPLE, loading("identity", "whoami")),
    "mentorship": Entry(
        "request, accept, hold sessions ...; list and show", PEOPLE, loading("aggregates", "mentorship")
    ),
    "programme": Entry("create, enrol, plan cycles ...; show", PEOPLE, loading("aggregates", "programme")),
    "person": Entry("name and accounts, holds, erasure", PEOPLE, loading("aggregates", "person")),
    "tenant": Entry("open, give and take roles, close", PEOPLE, loading("aggregates", "tenant")),
    "at-risk": Entry("goals behind their plan", WATCHING, loading("lists", "at_risk")),
    "overdue": Entry("check-ins that did not happen in time", WATCHING, loading("lists", "overdue")),
    "unaligned": Entry("goals that serve nothing above them", WATCHING, loading("lists", "unaligned")),
    "streaks": Entry("check-ins held in a row", WATCHING, loading("lists", "streaks")),
    "mentor-load": Entry("what rests on whom", WATCHING, loading("lists", "mentor_load")),
    "history": Entry("who did what, when and why; as it was at any time", AUDITING, loading("history", "history")),
    "access": Entry("who read what, and why", AUDITING, loading("access", "access")),
    "explain": Entry("one event: who, why, agreed by whom, anything removed?", AUDITING, loading("explain", "explain")),
    "evolution": Entry(
        "how a programme's goals evolved, slipped, became SMART", AUDITING, loading("evolution", "evolution")
    ),
    "serve": Entry("everything in one process, with embedded defaults", RUNNING, loading("running", "serve")),
    "run": Entry("one stage, against a broker and databases elsewhere", RUNNING, loading("running", "run")),
    "settings": Entry("every setting, its value and where it came from", RUNNING, loading("running", "settings")),
    "publish": Entry("status, reconcile or refill of the stream", RUNNING, loading("publishing", "publish")),
    "plugins": Entry("list, show, replay, ask ...; write a new one", RUNNING, loading("plugins", "plugins")),
    "checkpoint": Entry(
        "what the log has signed; witnesses sign it too", AUDITING, loading("checkpoints", "checkpoint")
    ),
    "keys": Entry("the log's public line; new keys to wrap and to sign with", RUNNING, loading("persons", "keys")),
    "verify": Entry("that the log is as it was signed; or a bundle", RUNNING, loading("verifying", "verify")),
    "verify-certificate": Entry("check that somebody was erased", RUNNING, loading("persons", "verify_certificate")),
    "view": Entry("rebuild the read models", RUNNING, loading("rebuilding", "view")),
}


def root() -> Group:
    """Return the whole command line."""
    text = "Milepost: goals, and everything that ever happened to them."
    group = Group("milepost", VERBS, text=text)
    group.params.append(
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="which one"
        )
    )
    return group


def _version(ctx: click.Context, _: click.Parameter, asked: object) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"milepost {version('milepost')}")
        ctx.exit()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with *arguments* (the process's own); returns the exit status."""
    out = Out(as_json=False)
    try:
        status = root().main(
            None if arguments is None else list(arguments), prog_name="milepost", standalone_mode=False
        )
    except VerbError as error:
        out.error(error)
        return error.status
    except click.exceptions.NoArgsIsHelpError as error:
        out.note(error.format_message())
        return BAD_USAGE
    except click.UsageError as error:
        hint = f"{error.ctx.command_path} --help tells how it is used." if error.ctx else ""
        out.error(misused("bad_usage", error.format_message(), hint=hint))
        return BAD_USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def main() -> NoReturn:
    """Run the command line as a process."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to lose an answer.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())
