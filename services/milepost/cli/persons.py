"""`person erase` and what belongs to it: what it would take, who is due, the certificate; and `keys rotate`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from milepost.cli.asking import Asking, question
from milepost.cli.checkpoints import log_keys
from milepost.cli.errors import REFUSED, VerbError, failed
from milepost.cli.filling import Filling
from milepost.cli.generating import ABOUT, Generated
from milepost.cli.out import Out
from milepost.cli.reasons import reason
from milepost.cli.session import Session, session
from milepost.cli.verbs import Entry, Group, Verb
from milepost.cli.where import Where
from milepost_contracts.queries.erasure import (
    Certificate,
    CertificateAnswer,
    DueForErasure,
    DueForErasureAnswer,
    Erasure,
    ErasureAnswer,
)

if TYPE_CHECKING:
    from milepost.journal import Rewrapping

_WHO = "me, a name of the sample, or user:UUID"
FINAL = "Nobody can undo this, backups included."


class Erasing(Generated):
    """`person erase`: what it would take is shown first, and it is asked for once more."""

    def _params(self) -> list[click.Parameter]:
        return [*super()._params(), click.Option(["--yes", "sure"], is_flag=True, help="show and ask nothing first")]

    async def send(self, asking: Session, out: Out, values: dict[str, Any]) -> None:
        """Show, ask and erase; raises VerbError."""
        if not values.pop("sure"):
            if out.as_json or not (out.terminal and out.err_terminal):
                message = f"{FINAL} `milepost person erasure` shows what it takes; then say --yes."
                raise failed("not_confirmed", message)
            person = await Filling(asking, "person").subject(values[ABOUT])
            found = await asking.ask(Erasure, ErasureAnswer, id=person)
            _show(out, found)
            click.confirm(f"{FINAL} Erase {found.person}?", abort=True, err=True)
        await super().send(asking, out, values)


def _show(out: Out, found: ErasureAnswer) -> None:
    until = f"until the end of {found.held_until}" if found.held_until else "until it is released"
    out.pairs(
        [
            ("person", found.person),
            ("erased", "" if found.erased is None else "yes, keys destroyed" if found.destroyed else "yes"),
            ("legal hold", until if found.held else ""),
            ("goals owned", f"{found.goals_owned}, {found.goals_shared} of them with words of others"),
            ("own words", f"{found.own_words}, {found.own_words_elsewhere} of them on what belongs to others"),
            ("words of others", f"{found.others_words}, on goals of this person"),
        ]
    )


async def _erasure(asking: Asking, values: dict[str, Any]) -> None:
    """Show what nobody could read any more if the person were erased: counted, not told."""
    person = await Filling(asking.session, "person").subject(values["person"])
    found = await asking.session.ask(Erasure, ErasureAnswer, id=person, reason=values["reason"])
    if asking.out.as_json:
        asking.out.document(found)
    else:
        _show(asking.out, found)


async def _due(asking: Asking, values: dict[str, Any]) -> None:
    """List who has taken part in nothing for longer than the tenant keeps people (`tenant set-retention`).

    Taking part is to act, or to have a goal on which others do. Nobody is erased by being listed.
    """
    found = await asking.session.ask(DueForErasure, DueForErasureAnswer, reason=values["reason"])
    if asking.out.as_json:
        asking.out.document(found)
        return
    rows = [
        [asking.named(one.person), one.person, f"{one.last:%Y-%m-%d}", "held" if one.held else ""]
        for one in found.people
    ]
    empty = "Nobody is due." if found.months else "No retention is set: milepost tenant set-retention --months 24"
    asking.out.table(("who", "person", "last", "hold"), rows, empty=empty)


async def _certificate(asking: Asking, values: dict[str, Any]) -> None:
    """Print the signed certificate that the keys of a person were destroyed, or keep it in a file.

    It is given as soon as a checkpoint covers the erasure, within a minute. `milepost verify-certificate` checks it.
    """
    person = await Filling(asking.session, "person").subject(values["person"])
    found = await asking.session.ask(Certificate, CertificateAnswer, id=person, reason=values["reason"])
    if values["output"] is not None:
        _keep(values["output"], found.certificate)
    elif asking.out.as_json:
        asking.out.document(found)
    else:
        asking.out.line(found.certificate.rstrip("\n"))


def _keep(file: str, note: str) -> None:
    try:
        Path(file).write_text(note, encoding="utf-8")
    except OSError as error:
        raise failed("unwritable", f"{file}: {error.strerror}.") from error


def erasure() -> Verb:
    """Return `person erasure`."""
    return question("erasure", _erasure, _about(), examples=["milepost person erasure me"], paged=False)


def due() -> Verb:
    """Return `person due`."""
    return question("due", _due, [reason()], examples=["milepost person due --as priya"], paged=False)


def certificate() -> Verb:
    """Return `person certificate`."""
    output = click.Option(["--output", "-o"], metavar="FILE", help="where it is kept [default: printed]")
    examples = ["milepost person certificate maya --output maya.certificate"]
    return question("certificate", _certificate, [*_about(), output], examples=examples, paged=False)


def _about() -> list[click.Parameter]:
    return [click.Argument(["person"], metavar="PERSON", help=_WHO), reason()]


def _verify(_where: Where, out: Out, *, file: str, key: tuple[str, ...]) -> int:
    """Check a certificate of erasure with the log's public key alone: signature, proofs, and what the events say.

    The exit status is 1 where it does not hold.
    """
    from milepost_contracts.proofs.certificate import CertificateError, open_certificate
    from milepost_contracts.proofs.merkle import ProofError
    from milepost_contracts.proofs.notes import NoteError, VerifierKey

    try:
        keys = [VerifierKey.parse(line) for line in key]
        told, checkpoint = open_certificate(Path(file).read_bytes(), keys)
    except OSError as error:
        raise failed("unreadable", f"{file}: {error.strerror}.") from error
    except (CertificateError, NoteError, ProofError) as error:
        raise failed(error.code, f"The certificate does not hold: {error}.") from error
    if out.as_json:
        out.document(told)
    else:
        out.pairs(
            [
                ("holds", "yes"),
                ("person", told.person),
                ("tenant", told.tenant),
                (
                    "erased",
                    f"{told.erased_at:%Y-%m-%d %H:%M:%S} UTC, event {told.erased.event}, leaf {told.erased.leaf}",
                ),
                ("keys destroyed", f"{told.destroyed_at:%Y-%m-%d %H:%M:%S} UTC, leaf {told.destroyed.leaf}"),
                ("key ids", ", ".join(told.key_ids) or "none: nothing was ever sealed for this person"),
                ("wrapping key", f"generation {told.generation_before} destroyed, {told.generation_after} since"),
                ("checkpoint", f"{checkpoint.origin}, {checkpoint.size} events"),
            ]
        )
    return 0


def verify_certificate() -> Verb:
    """Return `verify-certificate`."""
    params = [
        click.Argument(["file"], metavar="FILE", help="as `milepost person certificate` gave it"),
        click.Option(
            ["--key"], metavar="VKEY", multiple=True, required=True, help="the log's public line, from elsewhere"
        ),
    ]
    examples = ['milepost verify-certificate maya.certificate --key "$(cat acme.vkey)"']
    return Verb("verify-certificate", _verify, params, examples=examples, asks=False)


def _rotate(where: Where, out: Out) -> int:
    """Wrap all keys of the tenant under a new wrapping key and destroy the one before; words stay as they are.

    Works on the key store itself (MILEPOST_KEYS_URL, MILEPOST_KEYS_DIR, as accept has them), in use or not. Backups of
    the key store that are older open nothing afterwards: make one now. Status 1 where it could not be recorded.
    """
    tenant = where.tenant
    done = _rotated(where, tenant)
    if out.as_json:
        out.document(done._asdict())
    else:
        out.line(
            f"{done.keys} keys are wrapped by generation {done.generation_after}; {done.generation_before} is gone."
        )
    try:
        asyncio.run(_record(where, done))
    except VerbError as error:
        out.error(error)
        generations = f"--generation-before {done.generation_before} --generation-after {done.generation_after}"
        again = f"milepost tenant record-key-rotation --keys {done.keys} {generations}"
        out.note(f"The rotation is done, and not recorded: {again}")
        return REFUSED
    return 0


def _rotated(where: Where, tenant: str) -> Rewrapping:
    from milepost.journal import JournalError, KeyStore
    from milepost.journal.urls import sqlite_path

    url = where.settings.keys_url
    try:
        path = sqlite_path(url)
        if path is not None and not path.exists():
            raise failed("no_key_store", f"There is no key store at {path}.", hint="Is --data-dir another?")
        with KeyStore(url, Path(where.settings.keys_dir)) as keys:
            if not keys.generation(tenant):
                raise failed("tenant_unknown", f"The key store has no keys of {tenant}.")
            return keys.rotate(tenant)
    except JournalError as error:
        raise failed(error.code, f"{error}.") from error


async def _record(where: Where, done: Rewrapping) -> None:
    from milepost_contracts.commands.tenant import RecordKeyRotation
    from milepost_contracts.subjects import tenant_id

    async with session(where.having(as_="service:cli")) as connected:
        await connected.tell(
            RecordKeyRotation(
                command_id=Filling(connected, "tenant").new_id(),
                id=tenant_id(done.tenant),
                actor="service:cli",
                keys=done.keys,
                generation_before=done.generation_before,
                generation_after=done.generation_after,
            )
        )


def keys() -> Group:
    """Return `keys`."""
    entry = Entry(
        "a new wrapping key; the one before is destroyed",
        "Verbs",
        lambda: Verb("rotate", _rotate, examples=["milepost keys rotate"]),
    )
    text = "The keys that people's words are sealed under, and those that sign the log."
    return Group("keys", {"rotate": entry, **log_keys()}, text=text)
