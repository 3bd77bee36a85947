"""Which installation, tenant and person a verb speaks for."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from milepost.cli.errors import VerbError
from milepost.cli.where import Names, Remembered, Seen, Where
from milepost.settings import SettingsError
from tests.support.scenario import GOAL, MENTEE, MENTOR, uid

SAMPLE = Names(tenant="sample", people={"maya": MENTEE, "ben": MENTOR}, goals={"talk": GOAL})


def where(folder: Path, **given: str) -> Where:
    """Return a Where in *folder*; names in capitals are variables, others flags."""
    flags = {name: value for name, value in given.items() if name.islower()}
    variables = {f"MILEPOST_{name}": value for name, value in given.items() if name.isupper()}
    return Where(flags, {"MILEPOST_DATA_DIR": str(folder), **variables})


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Give a data directory with the sample's names in it."""
    (tmp_path / "sample.json").write_bytes(msgspec.json.encode(SAMPLE))
    return tmp_path


def code(caught: pytest.ExceptionInfo[VerbError]) -> str:
    return caught.value.problems[0].code


def test_the_sample_is_the_default_tenant(sample: Path) -> None:
    """With the sample loaded nobody has to name a tenant, and its people have names."""
    assert where(sample, as_="maya").tenant == "sample"
    assert where(sample, as_="maya").actor == MENTEE


def test_without_a_sample_the_tenant_is_wanted(tmp_path: Path) -> None:
    """Nothing is guessed where nothing is known."""
    with pytest.raises(VerbError) as caught:
        _ = where(tmp_path).tenant
    assert (code(caught), caught.value.status) == ("tenant_missing", 2)


def test_names_count_in_their_tenant_alone(sample: Path) -> None:
    """The sample's names mean nobody in another tenant."""
    with pytest.raises(VerbError) as caught:
        _ = where(sample, as_="maya", tenant="acme").actor
    assert code(caught) == "identity_unknown"
    assert where(sample, tenant="acme").names == Names()


def test_a_flag_wins_over_a_variable_over_what_was_remembered(sample: Path) -> None:
    """The nearest word counts."""
    where(sample).remember(Remembered(as_=uid("remembered"), tenant="kept"))
    assert (where(sample).actor, where(sample).tenant) == (f"user:{uid('remembered')}", "kept")
    variables = {"AS": f"user:{uid('variable')}", "TENANT": "varied"}
    assert where(sample, **variables).actor == f"user:{uid('variable')}"
    assert where(sample, **variables).tenant == "varied"
    assert where(sample, **variables, as_=f"user:{uid('flag')}", tenant="flagged").actor == f"user:{uid('flag')}"
    assert where(sample, **variables, tenant="flagged").tenant == "flagged"


def test_what_is_remembered_is_its_owners_alone(tmp_path: Path) -> None:
    """Who one is, is nobody else's business."""
    path = where(tmp_path).remember(Remembered(as_=MENTEE))
    assert path.stat().st_mode & 0o077 == 0


def test_nobody_said_who(sample: Path) -> None:
    """The error says how, and whom the sample knows."""
    with pytest.raises(VerbError) as caught:
        _ = where(sample).actor
    assert code(caught) == "identity_missing"
    assert "maya, ben" in caught.value.hint


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """What cannot be read is told, not passed over."""
    (tmp_path / "sample.json").write_text("{")
    with pytest.raises(VerbError) as caught:
        _ = where(tmp_path).tenant
    assert code(caught) == "unreadable"
    assert "sample.json" in str(caught.value)


def test_a_setting_that_cannot_be_used() -> None:
    """A wrong variable is told by its name."""
    with pytest.raises(SettingsError, match="MILEPOST_NATS_PORT"):
        Where({}, {"MILEPOST_NATS_PORT": "many"})


def test_the_broker_of_this_directory(tmp_path: Path) -> None:
    """The embedded broker's address is found where it wrote it; one that was killed left a file that counts no more."""
    folder = tmp_path / "broker"
    folder.mkdir()
    assert where(tmp_path).broker_url == "nats://127.0.0.1:4222"
    (folder / "nats-server_99999999.ports").write_text('{"nats": ["nats://127.0.0.1:1"]}')
    assert where(tmp_path).broker_url == "nats://127.0.0.1:4222"
    (folder / f"nats-server_{os.getpid()}.ports").write_text('{"nats": ["nats://127.0.0.1:2"]}')
    assert where(tmp_path).broker_url == "nats://127.0.0.1:2"
    assert where(tmp_path, NATS_PORT="3").broker_url == "nats://127.0.0.1:3"
    assert where(tmp_path, nats_url="nats://elsewhere:4").broker_url == "nats://elsewhere:4"


def test_the_seed(tmp_path: Path) -> None:
    """The key lies in the data directory, or where the setting says: a file, or a folder with one for each role."""
    with pytest.raises(VerbError) as caught:
        _ = where(tmp_path).seed
    assert code(caught) == "key_missing"
    keys = tmp_path / "broker" / "keys"
    keys.mkdir(parents=True)
    (keys / "cli.nk").write_text("seed")
    assert where(tmp_path).seed == keys / "cli.nk"
    assert where(tmp_path / "elsewhere", NATS_SEED=str(keys)).seed == keys / "cli.nk"
    assert where(tmp_path / "elsewhere", NATS_SEED=str(keys / "cli.nk")).seed == keys / "cli.nk"


def test_what_was_seen_is_kept_for_a_minute(tmp_path: Path) -> None:
    """A question includes what was done in the same tenant a moment ago, and nothing older than that."""
    here = where(tmp_path)
    assert here.seen("acme") is None
    here.saw("acme", "0000000000000007")
    assert here.seen("acme") == "0000000000000007"
    assert here.seen("other") is None
    (tmp_path / "cli-seen.json").write_bytes(msgspec.json.encode(Seen("acme", "0000000000000007", 0.0)))
    assert here.seen("acme") is None


def test_nothing_is_kept_where_there_is_no_directory(tmp_path: Path) -> None:
    """Asking a broker elsewhere leaves no folder behind."""
    here = where(tmp_path / "none")
    here.saw("acme", "0000000000000007")
    assert not (tmp_path / "none").exists()
    assert here.seen("acme") is None
