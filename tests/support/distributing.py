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


def source(folder: Path, name: str, code: str, *, layout: str = "flat") -> Path:
    """Write the source of a plugin called *name* as its author has it; return the file with its *code*.

    *layout*: `flat`, `src`, or `hatch`, whose package lies where only the build tool is told.
    """
    module = f"milepost_{name.replace('-', '_')}"
    within = {"flat": "", "src": "src/", "hatch": "python/"}[layout]
    told = [
        "[project]",
        f'name = "milepost-{name}"',
        'version = "0.1.0"',
        f'[project.entry-points."{ENTRY_POINTS}"]',
        f'{name} = "{module}"',
    ]
    if layout == "hatch":
        told += ["[tool.hatch.build.targets.wheel]", f'packages = ["python/{module}"]']
    file = folder / f"{within}{module}" / "__init__.py"
    file.parent.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("\n".join(told) + "\n", encoding="utf-8")
    file.write_text(code, encoding="utf-8")
    return file
