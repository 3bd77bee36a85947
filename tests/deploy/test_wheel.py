"""What an installed Milepost brings along."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_brokers_settings(tmp_path: Path) -> None:
    """Proves that an installed Milepost finds the settings which lie in deploy/nats in the source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        packed = opened.read("milepost/deployed/nats/nats-server.conf")
        assert "milepost/broker.py" in opened.namelist()
    assert packed == (ROOT / "deploy" / "nats" / "nats-server.conf").read_bytes()
