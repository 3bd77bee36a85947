"""A plugin is checked and tried from its source folder, as its author has it: nothing is installed, nothing runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from milepost.cli.plugins_dev import snapshot
from milepost.cli.plugins_source import Files, in_folder
from tests.cli.conftest import THANKING
from tests.support.distributing import distribute, source
from tests.support.serving import STOP_S_MAX
from tests.support.shell import Shell

GOOD = THANKING.read_text(encoding="utf-8").replace('raise GiveUp("minds_comments")', 'context.log("a comment")')
HEAD = """
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest

@hook
def manifest():
    return Manifest(id="thank-you", version="0.1.0", summary="Thanks", subscriptions=("goal.milestone_hit",))
"""
PATIENCE_S = 120.0  # with one that does not say what is waited for; a run takes some seconds on a busy machine
WAITING = "Waiting for a change"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Give a shell where no Milepost runs."""
    return Shell(tmp_path)


# new


@pytest.mark.parametrize("template", ["reward", "event", "review"])
def test_a_new_plugin_has_nothing_to_put_right(shell: Shell, template: str) -> None:
    """What is written can be checked and tried as it is."""
    typed = shell.done(f"plugins new thank-you --template {template}")
    assert "thank-you/pyproject.toml" in typed.out
    assert "cd thank-you && pytest" in typed.err
    assert "Nothing to put right." in shell.done("plugins check thank-you").err
    told = shell.done("plugins dev thank-you --once").err
    assert "354 events" in told


def test_nothing_is_written_over(shell: Shell) -> None:
    """A folder that is there stays as it is; another one is taken where it is named."""
    (shell.folder / "thank-you").mkdir()
    (shell.folder / "thank-you" / "mine").write_text("mine")
    typed = shell("plugins new thank-you")
    assert (typed.status, typed.out) == (1, "")
    assert "folder_taken" in typed.err
    told = shell.done("plugins new thank-you --folder other --json").document
    assert told["folder"] == "other"
    assert "pyproject.toml" in told["files"]
    assert shell("plugins new Thank-You").status == 2


# check


@pytest.mark.parametrize("layout", ["flat", "src", "hatch"])
def test_a_good_plugin_has_nothing_to_put_right(shell: Shell, layout: str) -> None:
    """A plugin is found by its pyproject and imported from there, wherever its package lies."""
    source(shell.folder / "mine", "thank-you", GOOD, layout=layout)
    typed = shell.done("plugins check mine")
    assert "Nothing to put right." in typed.err
    assert "thank-you" in typed.out
    told = shell.done("plugins check mine --json").document
    assert (told["plugin"], told["findings"]) == ("thank-you", [])
    assert told["effects"] > 0


def test_findings_are_told_with_what_to_do(shell: Shell) -> None:
    """What is wrong is in a table, and the exit status says so."""
    source(shell.folder, "thank-you", HEAD + "@hook\ndef on_event(event, context):\n    raise ValueError(event.id)\n")
    typed = shell("plugins check")
    assert typed.status == 1
    assert "raises" in typed.out
    assert "a handler that raises is tried again" in typed.out
    assert shell("plugins check . --json").document["findings"][0]["code"] == "raises"


def test_a_plugin_that_cannot_be_loaded(shell: Shell) -> None:
    """An import that fails is a finding like any other."""
    source(shell.folder, "thank-you", "import a_module_that_nobody_has\n")
    typed = shell("plugins check .")
    assert typed.status == 1
    assert "import_failed" in typed.out
    assert "a_module_that_nobody_has" in typed.out


def test_a_plugin_that_ends_its_process(shell: Shell) -> None:
    """Foreign code runs in a process of its own: one that exits does not take the command line with it."""
    source(shell.folder, "thank-you", "import os\nos._exit(3)\n")
    typed = shell("plugins check .")
    assert typed.status == 1
    assert "exited: the plugin's process was ended with status 3" in typed.err


def test_its_configuration_lies_beside_it(shell: Shell) -> None:
    """config.toml and secrets.toml beside pyproject.toml are read, or the files that are named."""
    schema = "import msgspec\nclass C(msgspec.Struct):\n    word: str\n"
    for kind in ("config", "secrets"):
        schema += f"@hook\ndef {kind}_schema():\n    return C\n"
    source(shell.folder, "thank-you", HEAD + schema + "@hook\ndef on_event(event, context):\n    pass\n")
    missing = shell("plugins check .")
    assert missing.status == 1
    assert "invalid_config" in missing.out
    (shell.folder / "config.toml").write_text('word = "thanks"\n')
    (shell.folder / "other.toml").write_text('word = "secret"\n')
    shell.done("plugins check . --secrets other.toml")
    shell.done("plugins dev . --once --secrets other.toml")
    (shell.folder / "other.toml").write_text("word = 3\n")
    typed = shell("plugins dev . --once --secrets other.toml")
    assert typed.status == 1
    assert f"invalid_config in loading: {shell.folder / 'other.toml'}: word" in typed.err


def test_an_installed_plugin_is_checked_by_its_name(shell: Shell) -> None:
    """A name is that of an installed plugin, configured as the host has it."""
    distribute(shell.folder / "installed", "thank-you", GOOD)
    line = [sys.executable, "-m", "milepost", "plugins", "check", "thank-you", "--data-dir", str(shell.folder / "data")]
    environment = shell.environment() | {"PYTHONPATH": str(shell.folder / "installed")}
    typed = subprocess.run(line, env=environment, cwd=shell.folder, capture_output=True, text=True, check=True)
    assert "Nothing to put right." in typed.stderr


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("plugins check nobody", 1, "not_installed"),
        ("plugins check ./nowhere", 1, "no_plugin"),
        ("plugins check empty", 1, "no_plugin"),
        ("plugins check broken", 1, "no_plugin"),
        ("plugins check mine --name thank-yu", 1, "did you mean thank-you?"),
        ("plugins check mine --config nothing.toml", 1, "no_config"),
        ("plugins check several", 2, "plugin_missing"),
        ("plugins check nobody --name x", 2, "bad_usage"),
        ("plugins dev mine --live --once", 2, "bad_usage"),
        ("plugins dev mine --live --mode live", 2, "bad_usage"),
        ("plugins dev mine --since 3", 2, "bad_usage"),
        ("plugins dev nowhere", 1, "no_plugin"),
    ],
)
def test_what_is_no_plugin(line: str, status: int, code: str, shell: Shell) -> None:
    """What is missing is told with its file, before anything runs."""
    source(shell.folder / "mine", "thank-you", GOOD)
    (shell.folder / "empty").mkdir()
    (shell.folder / "empty" / "pyproject.toml").write_text("[project]\n")
    (shell.folder / "broken").mkdir()
    (shell.folder / "broken" / "pyproject.toml").write_text("[project\n")
    source(shell.folder / "several", "one", GOOD)
    with (shell.folder / "several" / "pyproject.toml").open("a") as file:
        file.write('two = "milepost_two"\n')
    typed = shell(line)
    assert (typed.status, typed.out) == (status, "")
    assert code in typed.err


# dev


def test_one_run_prints_what_a_plugin_wants(shell: Shell) -> None:
    """Effects, facts and timers of the sample's events, with people and goals by name, and a sum."""
    source(shell.folder, "thank-you", GOOD)
    typed = shell.done("plugins dev --once")
    assert "milestone_hit of goal presentations  effect thank  goal=presentations" in typed.out
    assert "fact thanked" in typed.out
    assert "timer remember/" in typed.out
    assert "354 events, 274 for it" in typed.err
    assert "2 facts" in typed.err
    frames = [msgspec.json.decode(line) for line in shell.done("plugins dev . --once --json").out.splitlines()]
    assert frames[0]["what"] == "loaded"
    assert frames[-1]["what"] == "fed"
    assert {frame["run"] for frame in frames} == {1}


def test_time_passes_as_in_the_story(shell: Shell) -> None:
    """A timer is called between the events that it lies between; in replay it is listed instead."""
    later = GOOD.replace("LATER = dt.timedelta(days=365)", "LATER = dt.timedelta(hours=1)")
    source(shell.folder, "thank-you", later)
    lines = shell.done("plugins dev . --once").out.splitlines()
    woken = next(place for place, line in enumerate(lines) if "woken remember/" in line)
    assert "log remembered" in lines[woken + 1]
    assert any("milestone_hit" in line for line in lines[woken + 1 :])
    replayed = shell.done("plugins dev . --once --mode replay").out
    assert "listed remember/" in replayed
    assert "log remembered" not in replayed


def test_a_failure_is_shown_with_its_traceback(shell: Shell) -> None:
    """Its author sees where it comes from, once however often it happens."""
    code = (
        HEAD + "@hook\ndef on_event(event, context):\n    if event.name:\n        raise ValueError('no luck today')\n"
    )
    file = source(shell.folder, "thank-you", code)
    typed = shell("plugins dev . --once")
    assert typed.status == 1
    assert "failed: raised in on_event of goal.milestone_hit" in typed.err
    assert typed.err.count("ValueError: no luck today") == 1
    assert f'File "{file}", line 11, in on_event' in typed.err
    assert "milepost_contracts" not in typed.err
    assert "2 times" in typed.err


def test_a_process_that_ends_is_told(shell: Shell) -> None:
    """A plugin that ends its process, however well it thinks of it, has failed."""
    source(shell.folder, "thank-you", HEAD + "import os\n@hook\ndef on_event(event, context):\n    os._exit(0)\n")
    typed = shell("plugins dev . --once")
    assert typed.status == 1
    assert "exited" in typed.err


def test_goals_are_as_they_were(shell: Shell) -> None:
    """What a plugin may ask of history is there, in the sample too."""
    code = HEAD.replace(
        'subscriptions=("goal.milestone_hit",)', 'subscriptions=("goal.*",), permissions=Permissions(history=True)'
    ).replace("import Manifest", "import Manifest, Permissions")
    code += "@hook\ndef on_event(event, context):\n    goal = context.goal_at(event.aggregate_id, event.version)\n"
    code += "    context.log(goal['owner'] == event.context.owner)\n"
    source(shell.folder, "thank-you", code)
    typed = shell.done("plugins dev . --once")
    assert "log True" in typed.out
    assert "log False" not in typed.out


def test_words_in_goals_as_they_were_are_those_of_the_events(shell: Shell) -> None:
    """In the sample a plugin reads the titles that its permissions open, as it will in the host; nothing else."""
    allowed = 'subscriptions=("goal.closed",), permissions=Permissions(history=True, words=('
    code = HEAD.replace(
        'subscriptions=("goal.milestone_hit",)', f'{allowed}"goal.created/title", "goal.refined/after"))'
    )
    code = code.replace("import Manifest", "import Manifest, Permissions, readable")
    code += "@hook\ndef on_event(event, context):\n    goal = context.goal_at(event.aggregate_id, event.version)\n"
    code += "    names = [readable(one['title']) for one in goal['milestones'].values()]\n"
    code += "    context.log('read' if readable(goal['title']) and not any(names) else 'wrong', of=len(names))\n"
    source(shell.folder, "thank-you", code)
    typed = shell.done("plugins dev . --once")
    assert "log read" in typed.out
    assert "log wrong" not in typed.out


@contextmanager
def developing(shell: Shell, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Give a running `plugins dev .`; it is ended with Ctrl-C, which it takes well."""
    line = [sys.executable, "-m", "milepost", "plugins", "dev", ".", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        line, stdout=pipe, stderr=subprocess.STDOUT, text=True, cwd=shell.folder, env=shell.environment()
    ) as process:
        patience = threading.Timer(PATIENCE_S, process.kill)  # `heard` then tells what was said until there
        patience.start()
        try:
            yield process
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=STOP_S_MAX)
        finally:
            patience.cancel()
            process.kill()
    assert process.returncode == 0


def heard(process: subprocess.Popen[str], until: str = WAITING) -> str:
    """Return what is said up to the line with *until*."""
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if until in line:
            return "".join(said)
    raise AssertionError(f"it ended before it said {until!r}: {''.join(said)}")


def test_a_save_shows_what_changed(shell: Shell) -> None:
    """After a save the plugin runs anew, and effects that are new or gone are told; mistakes are told and mended."""
    file = source(shell.folder, "thank-you", GOOD)
    with developing(shell) as process:
        assert "effect thank  goal=presentations" in heard(process)
        file.write_text(GOOD.replace('context.effect("thank"', 'context.effect("cheer"'))
        said = heard(process)
        assert "+ 2026" in said or "+ 20" in said
        assert said.count("effect cheer") == said.count("effect thank") == 2
        assert "2 new, 2 gone" in said
        file.write_text("def broken(:\n")
        said = heard(process)
        assert "import_failed" in said
        assert "SyntaxError" in said
        assert "importlib" not in said, "its author's own lines alone"
        (shell.folder / "pyproject.toml").rename(shell.folder / "elsewhere.toml")
        heard(process, "no_plugin")
        file.write_text(GOOD)
        (shell.folder / "elsewhere.toml").rename(shell.folder / "pyproject.toml")
        assert "2 new, 2 gone" in heard(process)
        (shell.folder / "config.toml").write_text("word = 1\n")
        assert "invalid_config" in heard(process)


def test_a_milepost_that_runs_beside_it_is_no_change(shell: Shell) -> None:
    """`serve`, started where the plugin lies, writes into `data`; a folder called so within the package counts."""
    source(shell.folder, "thank-you", GOOD, layout="hatch")
    for file in ("data/milepost.log", "milepost_thank_you/data/words.txt"):
        (shell.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (shell.folder / file).write_text("new")
    seen = {str(file.relative_to(shell.folder)) for file in snapshot(in_folder(shell.folder, Files()))}
    assert "milepost_thank_you/data/words.txt" in seen
    assert not any(file.startswith("data/") for file in seen)


def test_a_save_interrupts_a_plugin_that_hangs(shell: Shell) -> None:
    """Nobody waits for a plugin that hangs: mending it is enough."""
    hangs = HEAD + "import time\nprint('hanging')\n@hook\ndef on_event(event, context):\n    pass\ntime.sleep(3600)\n"
    file = source(shell.folder, "thank-you", hangs)
    with developing(shell) as process:
        heard(process, "hanging")
        file.write_text(GOOD)
        assert "effect thank" in heard(process)


def test_runs_are_told_apart_in_documents(shell: Shell) -> None:
    """For a program each run has its number, and what changed is a document too."""
    file = source(shell.folder, "thank-you", GOOD)
    with developing(shell, "--json") as process:
        heard(process)
        file.write_text(GOOD.replace('context.effect("thank"', 'context.effect("cheer"'))
        said = heard(process, '"what":"changed"').splitlines()
        changed = msgspec.json.decode(said[-1])
        assert (changed["run"], len(changed["new"]), len(changed["gone"])) == (2, 2, 2)
        heard(process)
