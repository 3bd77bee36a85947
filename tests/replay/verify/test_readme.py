"""What replay's README tells auditors to type works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.replay.verify.samples import Sample
from tests.replay.verify.tampering import Table

README = Path(__file__).parents[3] / "services" / "milepost" / "replay" / "README.md"


def test_the_script_without_any_program_of_ours_tells_whether_a_log_is_as_signed(copy: Sample, tmp_path: Path) -> None:
    """With Python's standard library alone an untouched log passes, and a changed or shortened one does not."""
    section = README.read_text(encoding="utf-8").split("\n## Verify\n")[1]
    (script,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (tmp_path / "check.py").write_text(script)

    def run() -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-I", "-S", str(tmp_path / "check.py"), str(copy.journal), "sample"]
        words.append(str(copy.checkpoint("sample")))
        return subprocess.run(words, capture_output=True, text=True, check=False)

    good = run()
    assert good.returncode == 0, good.stderr
    assert "347 events of milepost.test/sample are as they were signed" in good.stdout
    table = Table(copy.journal)
    row = table.rows("sample")[17]
    table.update(row, state=row["state"].replace(b"T", b"t", 1))
    assert "not the log that was signed" in run().stderr
    table.update(row, state=row["state"])
    assert run().returncode == 0
    table.delete(row)
    table.close()
    assert "event 18 is missing" in run().stderr


def test_every_check_of_the_table_is_one_that_is_made() -> None:
    """The table of checks names them as the report does."""
    text = README.read_text(encoding="utf-8").split("\n## Verify\n")[1]
    cells = re.findall(r"^\| ([a-z ,]+?)(?: \(`--[a-z]+`\))? \|", text, re.MULTILINE)
    named = {name for cell in cells for name in cell.split(", ")}
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("replay/verify", "cli")
        for path in (README.parents[1] / folder).glob("*.py")
    )
    assert len(named) > 10
    assert [name for name in sorted(named - {"check"}) if f'"{name}"' not in sources] == []
