"""Who one is here: shown, remembered, made anew, forgotten."""

from __future__ import annotations

import click

from milepost.cli.errors import VerbError, misused
from milepost.cli.out import Out
from milepost.cli.verbs import Verb
from milepost.cli.where import Remembered, Where


def _whoami(where: Where, out: Out, *, name: str | None, new: bool, forget: bool) -> None:
    """Show who you are and where; with --set or --new, remember it for this data directory.

    --as and --tenant count for one verb, MILEPOST_AS and MILEPOST_TENANT for a shell; what is remembered comes after
    them. --tenant beside --set is remembered too.
    """
    if sum((bool(name), new, forget)) > 1:
        raise misused("bad_usage", "Take one of --set, --new and --forget.")
    if forget:
        where.remember(Remembered())
    elif name or new:
        ref = where.actor_named(name) if name else _made()
        where.remember(Remembered(as_=ref, tenant=where.tenant_flag or where.remembered().tenant))
    actor, tenant = _known(where, "actor"), _known(where, "tenant")
    if out.as_json:
        told = {"as": actor, "tenant": tenant, "data_dir": str(where.data_dir), "broker": where.broker_url}
        out.document(told)
        return
    called = where.names.name_of(actor) if actor and tenant else None
    you = f"{called} ({actor})" if called else actor
    out.pairs(
        [
            ("you", you or "nobody yet: --set NAME of the sample, or --new"),
            ("tenant", tenant or "none yet: --tenant NAME"),
            ("data directory", str(where.data_dir)),
            ("broker", where.broker_url),
        ]
    )


def _known(where: Where, name: str) -> str | None:
    """Return the actor or tenant as every other verb sees it, None where nobody has said."""
    try:
        found: str = getattr(where, name)
    except VerbError as error:
        if error.problems[0].code.endswith("_missing"):
            return None
        raise
    return found


def _made() -> str:
    import uuid_utils

    return f"user:{uuid_utils.uuid7()}"


def whoami() -> Verb:
    """Return `whoami`."""
    params: list[click.Parameter] = [
        click.Option(["--set", "name"], metavar="NAME", help="remember that you are NAME: of the sample, or user:UUID"),
        click.Option(["--new"], is_flag=True, help="make a new person and remember that you are it"),
        click.Option(["--forget"], is_flag=True, help="remember nothing any more"),
    ]
    return Verb("whoami", _whoami, params, examples=["milepost whoami --set maya"])
