"""A new plugin works as it is written: its tests pass where nothing but the kit and pytest is installed."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from milepost.cli.errors import VerbError
from milepost.cli.new_plugin import TEMPLATES, new_plugin

ROOT = Path(__file__).parents[2]
RUN_S_MAX = 120
# What an author installs: the kit with what it needs, and pytest with what that needs.
INSTALLED = ("msgspec", "pluggy", "cryptography", "cffi", "pycparser", "pytest", "iniconfig", "packaging", "pygments")


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment of its own, in which an author has installed the kit and pytest."""
    folder = tmp_path_factory.mktemp("author")
    venv.create(folder, with_pip=False)
    (site,) = (folder / "lib").glob("python*/site-packages")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    kit = ["--no-build-isolation", "--target", str(site), str(ROOT / "contracts")]
    subprocess.run([*pip, *kit], check=True, capture_output=True, timeout=RUN_S_MAX)
    for name in INSTALLED:
        for file in metadata.files(name) or []:
            top = Path(str(file)).parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))
    return folder / "bin/python"


def written(folder: Path, template: str, name: str = "thank-you") -> Path:
    """Return the folder of a new plugin."""
    new_plugin(folder / name, name, template)
    return folder / name


@pytest.mark.parametrize("template", TEMPLATES)
def test_its_tests_pass_at_once(template: str, tmp_path: Path, author: Path) -> None:
    """Written and tested: nothing else is needed, and its own check finds nothing."""
    folder = written(tmp_path, template)
    ran = subprocess.run(
        [str(author), "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passed" in ran.stdout
    assert "test_the_check_finds_nothing" in (folder / "tests/test_milepost_thank_you.py").read_text()


def test_nothing_else_is_installed(author: Path) -> None:
    """The environment that proves it has no Milepost in it, nor what Milepost needs."""
    for module in ("milepost", "nats", "click", "hypothesis", "pytest_asyncio"):
        ran = subprocess.run([str(author), "-c", f"import {module}"], capture_output=True, text=True, check=False)
        assert f"No module named '{module}'" in ran.stderr


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_is_a_distribution(template: str, tmp_path: Path) -> None:
    """It builds, with its version from its code and its entry point, and holds nothing but its package."""
    folder = written(tmp_path, template)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--wheel-dir", str(tmp_path / "wheels"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=RUN_S_MAX)
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    assert wheel.name.startswith("milepost_thank_you-0.1.0-")
    with zipfile.ZipFile(wheel) as opened:
        (points,) = (opened.read(name).decode() for name in opened.namelist() if name.endswith("entry_points.txt"))
        assert all(name.startswith("milepost_thank_you") for name in opened.namelist())
    assert points.split() == ["[milepost.plugins]", "thank-you", "=", "milepost_thank_you"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_written(template: str, tmp_path: Path) -> None:
    """Every file is filled in: packaging, code, tests, a CI that runs them, a README for operators and for authors."""
    folder = tmp_path / "deep" / "er"
    files = new_plugin(folder, "a_b-c", template)
    secret = ["secrets.toml"] if template == "reward" else []
    assert [str(file.relative_to(folder)) for file in files] == [
        ".github/workflows/test.yml", ".gitignore", "README.md", "config.toml", "milepost_a_b_c/__init__.py",
        "pyproject.toml", *secret, "tests/test_milepost_a_b_c.py",
    ]  # fmt: skip
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o600 for name in secret)
    assert "secrets.toml" in (folder / ".gitignore").read_text()
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    for token in ("@name@", "@package@", "@summary@", "@operator@"):
        assert not any(token in text for text in texts.values())
    project = tomllib.loads(texts["pyproject.toml"])["project"]
    assert project["entry-points"]["milepost.plugins"] == {"a_b-c": "milepost_a_b_c"}
    assert project["dependencies"] == ["milepost-contracts>=0.1,<1"]
    assert "run: pytest" in texts["test.yml"]
    assert project["description"] in texts["README.md"]
    for setting in tomllib.loads(texts["config.toml"]):
        assert f"`{setting} = " in texts["README.md"]


@pytest.mark.parametrize(
    "name", ["", "Thank-You", "thank you", "../up", "1st", "-x", "x" * 64, "a/b", "contracts", "ü"]
)
def test_a_name_that_is_none(name: str, tmp_path: Path) -> None:
    """A name that could be no subject, package or entry point is refused, and nothing is written."""
    with pytest.raises(VerbError) as caught:
        new_plugin(tmp_path / "x", name, "reward")
    assert caught.value.problems[0].code == "bad_name"
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder with something in it, or a file in its place, stays as it is; an empty folder is taken."""
    (tmp_path / "mine").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine"):
        with pytest.raises(VerbError) as caught:
            new_plugin(folder, "thank-you", "reward")
        assert caught.value.problems[0].code == "folder_taken"
    with pytest.raises(VerbError) as caught:
        new_plugin(tmp_path / "new", "thank-you", "rewards")
    assert caught.value.problems[0].code == "unknown_template"
    (tmp_path / "empty").mkdir()
    assert new_plugin(tmp_path / "empty", "thank-you", "reward")


def test_an_installed_milepost_has_the_templates(tmp_path: Path) -> None:
    """They are in the wheel, wherever it is built from."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    templates = ROOT / "services/milepost/cli/templates"
    with zipfile.ZipFile(wheel) as opened:
        packed = {name for name in opened.namelist() if name.startswith("milepost/cli/templates/")}
    assert packed == {
        f"milepost/cli/templates/{file.relative_to(templates)}" for file in templates.rglob("*") if file.is_file()
    }
    assert len(packed) == 4 + 5 * len(TEMPLATES) + 1
