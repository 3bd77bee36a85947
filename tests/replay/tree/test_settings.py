"""The log's settings: where its folders lie, and what cannot be meant is told with the setting's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from milepost.settings import SettingsError, resolve


def test_folders_lie_in_the_data_directory(tmp_path: Path) -> None:
    """Proofs and signing keys have folders of their own there, unless they are set."""
    settings = resolve({"data_dir": str(tmp_path)}, {}).settings
    assert (settings.proofs_dir, settings.signing_dir) == (str(tmp_path / "proofs"), str(tmp_path / "signing"))
    assert (settings.origin, settings.checkpoint_events, settings.checkpoint_s) == ("milepost.local", 1000, 60.0)
    elsewhere = resolve({}, {"MILEPOST_PROOFS_DIR": "/a", "MILEPOST_SIGNING_DIR": "/b"}).settings
    assert (elsewhere.proofs_dir, elsewhere.signing_dir) == ("/a", "/b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", "with space"),
        ("origin", "with+plus"),
        ("origin", ""),
        ("checkpoint_events", "0"),
        ("checkpoint_s", "0"),
        ("checkpoint_target", "ftp://nowhere"),
        ("witnesses", "nobody"),
        ("witnesses", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
    ],
)
def test_what_cannot_be_meant_is_told(name: str, value: str) -> None:
    """A mistake is told with the flag or variable that it stands in."""
    with pytest.raises(SettingsError, match=f"^{name}: "):
        resolve({name: value}, {})
    with pytest.raises(SettingsError, match=f"^MILEPOST_{name.upper()}: "):
        resolve({}, {f"MILEPOST_{name.upper()}": value})
