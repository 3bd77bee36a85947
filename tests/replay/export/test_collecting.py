"""What comes is not believed: pages that do not fit together end an export, and words that were moved are not shown."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from milepost.replay.export import ExportError
from milepost.replay.export.collecting import Included, Whole, collect
from milepost.replay.export.opening import BROKEN, SEALED, Opener
from milepost.sample import person
from milepost.sample.telling import TENANT
from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.notes import parse_note
from milepost_contracts.queries import DerivedKey, ExportAnswer, Keys, KeysAnswer
from tests.replay.export.exporting import Exporting
from tests.replay.export.test_bundles import EVERYTHING, GOAL


def given(exporting: Exporting, **members: object) -> ExportAnswer:
    """Return a true page of the goal's export, *members* put in their places."""
    page = exporting.first(GOAL, person("priya"))
    assert isinstance(page, ExportAnswer)
    return msgspec.structs.replace(page, **members)


def kept(exporting: Exporting, folder: Path) -> Included:
    """Return where a goal's events are kept."""
    page = given(exporting)
    return Included(folder, Checkpoint.parse(parse_note(page.checkpoint).text), page.until)


@pytest.mark.parametrize(
    "fault", ["swapped", "twice", "other proof", "fewer proofs", "no base64", "no event", "too few", "endless"]
)
def test_pages_that_do_not_fit_end_the_export(exporting: Exporting, tmp_path: Path, fault: str) -> None:
    """Events in another order, twice, with proofs of others or none, or fewer than was said: none is kept as whole."""
    page = given(exporting)
    events, proofs = list(page.events), list(page.proofs)
    faults: dict[str, dict[str, object]] = {
        "swapped": {"events": [events[1], events[0], *events[2:]], "proofs": [proofs[1], proofs[0], *proofs[2:]]},
        "twice": {"events": [events[0], *events], "proofs": [proofs[0], *proofs]},
        "other proof": {"proofs": [proofs[1], proofs[0], *proofs[2:]]},
        "fewer proofs": {"proofs": proofs[:-1]},
        "no base64": {"proofs": [["!"], *proofs[1:]]},
        "no event": {"events": [msgspec.Raw(b"{}"), *events[1:]]},
        "too few": {"events": events[:-1], "proofs": proofs[:-1]},
        "endless": {"events": [], "proofs": [], "more": True},
    }
    wrong = given(exporting, **faults[fault])

    async def ask(_: int) -> ExportAnswer:
        return wrong

    files = kept(exporting, tmp_path)
    with pytest.raises(ExportError) as raised:
        asyncio.run(collect(files, ask, lambda *_: None, "Events"))
    files.close()
    assert raised.value.code == ("export_broken" if fault in ("too few", "endless") else "not_as_signed")


def test_a_log_with_a_gap_is_no_whole_log(exporting: Exporting, tmp_path: Path) -> None:
    """Of everything each event must be the next one: one that was skipped ends the export."""
    page = exporting.first(EVERYTHING, person("priya"))
    skipped: ExportAnswer = msgspec.structs.replace(page, events=[page.events[0], *page.events[2:]])

    async def ask(_: int) -> ExportAnswer:
        return skipped

    files = Whole(tmp_path / "events.ndjson", page.until)
    with pytest.raises(ExportError, match="does not follow"):
        asyncio.run(collect(files, ask, lambda *_: None, "Events"))
    files.close()


def test_words_in_another_place_are_not_shown(exporting: Exporting) -> None:
    """A sealed title that was put into another event opens nothing; without keys words are said to be sealed."""
    refined = [
        one for one in exporting.accept.journal.load(TENANT, ("goal", str(GOAL.id))) if "title" in str(one.document)
    ]
    first, other = (decode(one.document) for one in refined[:2])
    moved: Envelope = msgspec.structs.replace(other, data=first.data)

    async def keys(kids: list[str]) -> list[DerivedKey]:
        answer = exporting.ask(Keys(actor=person("maya"), kids=kids), person("maya"))
        assert isinstance(answer, KeysAnswer)
        return answer.keys

    true, wrong = asyncio.run(Opener(keys).open([first, moved]))
    assert true["title"] == "get better at presentations"
    assert wrong["title"] == BROKEN
    (sealed,) = asyncio.run(Opener(None).open([first]))
    assert sealed["title"] == SEALED
