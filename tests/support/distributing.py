"""Plugins' distributions in a folder, visible to processes that have it in PYTHONPATH; nothing is installed."""

from __future__ import annotations

from pathlib import Path

from milepost_contracts.hooks import ENTRY_POINTS


def distribute(folder: Path, name: str, source: str, *, version: str = "0.1.0") -> None:
    """Write into *folder* what installing a plugin called *name* with the code *source* would."""
    module = f"milepost_{name.replace('-', '_')}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    told = folder / f"milepost_{name.replace('-', '_')}-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: milepost-{name}\nVersion: {version}\n")
    (told / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = {module}\n")
