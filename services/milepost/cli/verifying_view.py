"""The view is told again from the journal, beside the live one and in a folder that goes: every row is compared."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from milepost.cli.errors import failed
from milepost.database import Connection, DatabaseError, sqlite_path
from milepost.replay.verify.findings import Check, Finding, Progress
from milepost.replay.verify.oddities import octets
from milepost.replay.verify.rows import Rows, open_rows
from milepost.view import tables
from milepost.view.applying import Gap
from milepost.view.rebuild import BATCH, Building, compare
from milepost.view.sets import Sets
from milepost_contracts.envelope import EnvelopeError

KINDS = {
    "missing": "The view has a row that the journal does not give.",
    "extra": "The journal gives a row that the view does not have.",
    "other": "The view's row is not what the journal gives.",
}
_TODO = "`milepost view rebuild --accept-differences` builds the view again, once the journal is verified."
NAME = "view"


def check_view(view_url: str, journal_url: str, progress: Progress) -> tuple[list[Check], list[Finding]]:
    """Return what became of comparing the view with the journal, at the view's own position; raises VerbError."""
    try:
        path = sqlite_path(view_url)
        if path is not None and not path.is_file():
            raise failed("view_missing", f"There is no view at {path}.")
        sets = Sets(view_url)
        live = sets.connect(sets.current())
    except DatabaseError as error:
        raise failed(error.code, f"The view cannot be read: {error}.") from error
    rows = open_rows(journal_url)
    try:
        with tempfile.TemporaryDirectory(prefix="milepost-verify-") as folder, live.reading():
            return _compared(live, rows, Path(folder), progress)
    except DatabaseError as error:
        raise failed(error.code, f"The view cannot be read: {error}.") from error
    finally:
        rows.close()
        live.close()
        sets.close()


def _compared(live: Connection, rows: Rows, folder: Path, progress: Progress) -> tuple[list[Check], list[Finding]]:
    ((model,),) = live.query("SELECT model FROM checkpoint WHERE name = 'view'")
    if model != tables.MODEL:
        said = f"its tables are of model {model}, this version has {tables.MODEL}: rebuild it first"
        return [Check(name=NAME, status="not_checkable", of="rows", said=said)], []
    wanted: dict[str, int] = dict(live.query("SELECT tenant, number FROM sequence"))
    beside = Sets(f"sqlite:///{folder / 'view.sqlite'}")
    building = Building(beside, beside.open() + 1)
    try:
        findings, behind = _told(building, rows, wanted, progress)
        if findings:
            said = "the journal itself does not tell the view's events in order"
            return [Check(name=NAME, status="failed", of="rows", said=said)], findings
        building.write()
        compared, differences = compare(live, building.connection)
    finally:
        building.close()
        beside.close()
    findings = [
        Finding(
            code=f"view_{one.kind}",
            message=KINDS[one.kind],
            tenant=str(one.key[0]),
            place=f"{one.table} {msgspec.json.encode(one.key).decode()}",
            todo=_TODO,
        )
        for one in differences
    ]
    lag = f"; it is {behind} events behind the journal, which is no fault" if behind else ""
    said = f"every row is what the journal gives at the view's position{lag}"
    return [Check(name=NAME, status="failed" if findings else "passed", count=compared, of="rows", said=said)], findings


def _told(building: Building, rows: Rows, wanted: dict[str, int], progress: Progress) -> tuple[list[Finding], int]:
    """Tell *building* every event up to *wanted*; return what is wrong with them, and how many come after."""
    findings: list[Finding] = []
    done, total, behind = 0, sum(wanted.values()), 0
    for tenant, number in wanted.items():
        sequence = 0
        while sequence < number:
            page = rows.of_tenant(tenant, sequence, min(BATCH, number - sequence))
            documents = [octets(row[-1]) for row in page]
            problem = _taken(building, documents, wanted)
            if problem or not page or page[-1][5] > number:
                message = problem or f"The view has event {number}, and the journal ends at {sequence}."
                findings.append(Finding(code="view_ahead", message=message, tenant=tenant, first=sequence + 1))
                break
            sequence = page[-1][5]
            done += len(page)
            progress(done, total)
        behind += _after(rows, tenant, number)
    return findings, behind


def _taken(building: Building, documents: list[bytes], wanted: dict[str, int]) -> str:
    try:
        building.take(documents, wanted)
    except (Gap, EnvelopeError) as error:
        return f"The journal cannot be told again: {error}."
    return ""


def _after(rows: Rows, tenant: str, number: int) -> int:
    newest = number
    while page := rows.of_tenant(tenant, newest, BATCH):
        newest = page[-1][5]
    return newest - number
