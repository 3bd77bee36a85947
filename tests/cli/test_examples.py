"""The example of every verb, run as it stands in its help against a running Milepost."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import new_person
from tests.cli.verbs import every_verb
from tests.support.serving import STOP_S_MAX, Served
from tests.support.shell import Shell
from tests.support.witnessing import cosigned

# Those of `plugins` are run in test_plugins_examples.py, where plugins run. What wants a key store of its own, and
# somebody erased under a checkpoint, is run in tests/road/test_erasure.py; there the ids are those of that erasure.
ELSEWHERE = (
    "milepost plugins ",
    "milepost keys rotate",
    "milepost person certificate",
    "milepost person record-keys-destroyed",
    "milepost verify-certificate",
    "milepost verify",  # in test_verify.py, beside the journal
)
EXAMPLES = [
    (path, example) for path, verb in every_verb() for example in verb.examples if not path.startswith(ELSEWHERE)
]
# They do not end by themselves.
LASTING = ("milepost serve", "milepost run", "milepost watch")

CREATE = 'goal create "Give a talk at the town hall" --deadline +3m'
MEASURE = 'goal define-measure talk "talks given" --target 3'
ACTIVE = [CREATE, MEASURE, "goal propose talk", "goal activate talk"]
REHEARSAL = [*ACTIVE, 'goal add-milestone talk "First rehearsal" +2w']
SLOT = [*ACTIVE, 'goal add-action talk "Ask for a slot" --due-on +7d']
CHECKED_IN = [*ACTIVE, "goal check-in talk"]
WITH_BEN = [CREATE, "goal place talk --party me=mentee --party ben=mentor"]
CLOSED = [*ACTIVE, "goal record-progress talk 3", "goal close talk achieved --score 1"]
LADDER = [CREATE, 'goal create "Lead a team"']
ASKED = ['mentorship request --mentor {other} --purpose "To speak up more"']
REQUESTED = ['mentorship request --mentor ben --purpose "To speak up more"']
MET = [*REQUESTED, "mentorship accept {mentorship} --as ben"]
TRIAD = [
    'mentorship request --mentor ben --peer tom --purpose "To speak up more"',
    "mentorship accept {mentorship} --as ben",
    "mentorship accept {mentorship} --as tom",
]
GROWTH = ['programme create "Growing together" --id {growth} --as priya']
PLANNED = [*GROWTH, 'programme plan-cycle growth "First half" 2026-01-01 2027-12-31 --as priya']
OPENED = [*PLANNED, 'programme open-cycle growth "first half" --as priya']
TENANT = ["tenant open {tenant} --admin me", "whoami --set me"]

# What has to have happened before.
BEFORE = {
    "goal refine": [CREATE],
    "goal define-measure": [CREATE],
    "goal revise-target": [CREATE, MEASURE],
    "goal retire-measure": [CREATE, MEASURE],
    "goal set-deadline": ['goal create "Give a talk"'],
    "goal shift-deadline": [CREATE],
    "goal set-schedule": [CREATE],
    "goal evaluate": [CREATE],
    "goal propose": [CREATE],
    "goal agree": [*WITH_BEN, "goal propose {goal} --as ben"],
    "goal decline": [*WITH_BEN, "goal propose {goal} --as ben"],
    "goal withdraw-agreement": [CREATE, "goal propose talk"],
    "goal activate": [CREATE, "goal propose talk"],
    "goal record-progress": ACTIVE,
    "goal correct-progress": [*ACTIVE, "goal record-progress talk 1"],
    "goal add-milestone": ACTIVE,
    "goal reschedule-milestone": REHEARSAL,
    "goal hit-milestone": REHEARSAL,
    "goal retract-milestone-hit": [*REHEARSAL, "goal hit-milestone talk rehearsal"],
    "goal drop-milestone": REHEARSAL,
    "goal add-action": ACTIVE,
    "goal complete-action": SLOT,
    "goal reopen-action": [*SLOT, "goal complete-action talk slot"],
    "goal drop-action": SLOT,
    "goal raise-obstacle": ACTIVE,
    "goal resolve-obstacle": [*ACTIVE, 'goal raise-obstacle talk "Stage fright"'],
    "goal set-health": ACTIVE,
    "goal hold-check-in": ACTIVE,
    "goal amend-check-in": CHECKED_IN,
    "goal void-check-in": CHECKED_IN,
    "goal acknowledge-check-in": [*WITH_BEN, "goal propose talk", "goal check-in {goal} --as ben"],
    "goal place": [*MET, CREATE],
    "goal carry-over": [
        *OPENED,
        'programme plan-cycle growth "Second half" 2026-06-01 2027-12-31 --as priya',
        'programme open-cycle growth "second half" --as priya',
        "programme enrol-participant growth {me} mentee --as priya",
        CREATE,
        'goal place talk --programme growth --cycle "first half" --party me=mentee',
    ],
    "goal align": LADDER,
    "goal unalign": [*LADDER, 'goal align talk "lead a team"'],
    "goal transfer-ownership": WITH_BEN,
    "goal add-party": [CREATE],
    "goal remove-party": WITH_BEN,
    "goal replace-party": WITH_BEN,
    "goal add-contributor": [CREATE],
    "goal remove-contributor": [CREATE, "goal add-contributor talk tom peer"],
    "goal change-visibility": [CREATE],
    "goal pause": ACTIVE,
    "goal resume": [*ACTIVE, "goal pause talk --reason Leave"],
    "goal close": [*ACTIVE, "goal record-progress talk 3"],
    "goal amend-closure": CLOSED,
    "goal reopen": CLOSED,
    "goal archive": CLOSED,
    "goal attach-resource": [CREATE],
    "goal give-feedback": [CREATE],
    "goal retract-feedback": [CREATE, 'goal give-feedback talk "Clear"'],
    "goal record-reflection": [CREATE],
    "goal post-comment": [CREATE],
    "goal tag": [CREATE],
    "goal import": ["tenant grant-role {me} importer --as service:cli"],
    "mentorship accept": ASKED,
    "mentorship reject": ASKED,
    "mentorship agree-expectations": MET,
    "mentorship hold-session": MET,
    "mentorship record-reflection": MET,
    "mentorship attach-resource": MET,
    "mentorship set-purpose": MET,
    "mentorship set-cadence": MET,
    "mentorship set-cap": MET,
    "mentorship set-quorum": MET,
    "mentorship replace-party": MET,
    "mentorship remove-party": TRIAD,
    "mentorship complete": MET,
    "mentorship cancel": MET,
    "programme set-rubric": GROWTH,
    "programme set-cadence": GROWTH,
    "programme set-cap": GROWTH,
    "programme close": GROWTH,
    "programme enrol-participant": GROWTH,
    "programme withdraw-participant": [*GROWTH, "programme enrol-participant growth tom mentee --as priya"],
    "programme plan-cycle": GROWTH,
    "programme open-cycle": PLANNED,
    "programme close-cycle": OPENED,
    "programme publish-template": GROWTH,
    "programme retire-template": [
        *GROWTH,
        'programme publish-template growth "Give {{number}} talks" --measure "talks given=3" --as priya',
    ],
    "programme record-survey": GROWTH,
    "programme record-cost": GROWTH,
    "programme record-benefit": GROWTH,
    "programme show": GROWTH,
    "programme overview": GROWTH,
    "at-risk": GROWTH,
    "evolution": GROWTH,
    "export": [CREATE],
    "person hold": [],
    "person erase": [CREATE],
    "person erasure": [CREATE],
    "person release": ["person hold maya --reason x --as priya"],
    "tenant open": [],
    "tenant grant-role": [],
    "tenant revoke-role": ["tenant grant-role maya auditor --as priya"],
    "tenant close": [],
    "tenant record-refill": [],
}
"""By verb. {me} types the example, {other} is somebody new; {goal} and {mentorship} are mine, {growth} a programme."""

# Who types the example, where that is not the person who prepared it.
TYPED_BY = {
    "mentorship accept": "{other}",
    "mentorship reject": "{other}",
    "person hold": "priya",
    "person release": "priya",
    "tenant grant-role": "priya",
    "tenant revoke-role": "priya",
    "tenant set-retention": "priya",
}


@pytest.mark.parametrize(("path", "example"), [one for one in EXAMPLES if not one[0].startswith(LASTING)])
def test_an_example_works(path: str, example: str, shell: Shell) -> None:
    """What help shows can be typed as it stands."""
    verb = path.removeprefix("milepost ")
    other = new_person()
    for line in BEFORE.get(verb, []):
        people = line.replace("{other}", other).replace("{me}", shell.variables["MILEPOST_AS"])
        shell.done(_with_ids(people, shell))
    (shell.folder / "goals.ndjson").write_text(_LINE + "\n")
    if path.startswith("milepost checkpoint"):
        (shell.folder / "cosigned.txt").write_text(cosigned(_signed(shell)))
    variables = {"MILEPOST_AS": TYPED_BY[verb].replace("{other}", other)} if verb in TYPED_BY else {}
    if verb in ("tenant close", "tenant record-refill", "tenant record-signing-key"):
        variables["MILEPOST_TENANT"] = _own_tenant(shell)
    shell.done(example, **variables)


@pytest.mark.parametrize(("path", "example"), [one for one in EXAMPLES if one[0].startswith(LASTING)])
def test_an_example_that_goes_on_works(path: str, example: str, served: Served, shell: Shell) -> None:
    """What help shows runs until it is told to end, and then ends well."""
    environment = shell.environment() | {"MILEPOST_NATS_PORT": "0", "MILEPOST_HTTP_PORT": "0"}
    if path == "milepost serve":
        environment = {name: value for name, value in environment.items() if not name.startswith("MILEPOST_NATS_")}
        environment["MILEPOST_NATS_PORT"] = "0"
    # The address in the example is that of a broker on this machine; this one has another port.
    words = [word.replace("nats://127.0.0.1:4222", served.url) for word in shlex.split(example)[1:]]
    line = [sys.executable, "-m", "milepost", *words]
    with subprocess.Popen(line, stdout=subprocess.PIPE, cwd=shell.folder, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=STOP_S_MAX)
        finally:
            process.kill()
        assert process.returncode == 0


_LINE = (
    '{"aggregate": "goal", "command": "create_goal", "title": "Learn to listen",'
    ' "owner": "user:0199aaaa-0000-7000-8000-000000000001"}'
)


def _signed(shell: Shell) -> str:
    """Return the newest checkpoint; the first one is signed about a second after the first event."""
    deadline = time.monotonic() + STOP_S_MAX
    while (typed := shell("checkpoint show")).status and time.monotonic() < deadline:
        time.sleep(0.05)
    return typed.out


def _own_tenant(shell: Shell) -> str:
    tenant = "t" + shell.variables["MILEPOST_AS"][-12:]
    shell.done(f"tenant open {tenant} --admin me")
    return tenant


def _with_ids(line: str, shell: Shell) -> str:
    names = msgspec.json.decode((Path(shell.variables["MILEPOST_DATA_DIR"]) / "sample.json").read_bytes())
    line = line.replace("{growth}", names["programmes"]["growth"])
    if "{goal}" in line:
        line = line.replace("{goal}", shell.done("goal list --json").document["goals"][0]["id"])
    if "{mentorship}" in line:
        line = line.replace("{mentorship}", shell.done("mentorship list --json").document["mentorships"][0]["id"])
    return line
