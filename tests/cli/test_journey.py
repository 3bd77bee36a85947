"""Two people and a goal, from the first words to its end, on the command line alone."""

from __future__ import annotations

import msgspec
import pytest

from milepost.cli.asking import told
from milepost.sample import named
from tests.cli.conftest import new_person
from tests.support.shell import Shell

GROWTH = named("programme", "growth")


def test_from_a_starter_goal_to_its_end(shell: Shell) -> None:
    """Create, place, refine, measure, evaluate, propose, agree, activate, record, check in, shift, agree, close."""
    me, mentor = shell.variables["MILEPOST_AS"], new_person()
    shell.done(f'mentorship request --mentor {mentor} --purpose "To be heard"')
    shell.done('mentorship accept "be heard"', MILEPOST_AS=mentor)
    shell.done('goal create "get better at talks"')
    shell.done('goal place "get better" --mentorship "be heard"')
    shell.done('goal refine "get better" --title "Give three talks" --trigger new_information')
    shell.done('goal define-measure "three talks" "talks given" --target 3 --unit talks')
    shell.done('goal set-deadline "three talks" +6m')
    shell.done('goal evaluate "three talks" --met', MILEPOST_AS=mentor)
    shell.done('goal propose "three talks"')
    refused = shell('goal activate "three talks"')
    assert refused.status == 1
    assert refused.err.startswith("refused: quorum_missing")
    shell.done('goal agree "three talks" --note "Good"', MILEPOST_AS=mentor)
    shell.done('goal activate "three talks"')
    shell.done('goal add-milestone "three talks" "The first one" +1m')
    shell.done('goal record-progress "three talks" 1 --note "To ten people"')
    shell.done('goal hit-milestone "three talks" first')
    shell.done('goal correct-progress "three talks" last --reading 2 --reason "There were two"')
    shell.done('goal check-in "three talks" --confidence 7 --win "No notes" --next-step "Ask for a slot"')
    shell.done('goal acknowledge-check-in "three talks" last', MILEPOST_AS=mentor)
    shell.done('goal shift-deadline "three talks" +7m --reason-code dependency --reason "The hall is closed"')
    shown = shell.done('goal show "three talks" --json').document["goal"]
    assert (shown["state"], shown["agreement_open"], shown["waiting_for"]) == ("active", True, [mentor])
    todo = shell.done("inbox --json", MILEPOST_AS=mentor).document["todos"]
    assert "agree_again" in [one["kind"] for one in todo]
    shell.done('goal agree "three talks"', MILEPOST_AS=mentor)
    shell.done('goal record-progress "three talks" 1')
    closed = shell.done('goal close "three talks" achieved --score 0.9 --json').document
    assert "goal.closed.v1" in [event["type"] for event in closed["events"]]
    text = shell.done('goal show "three talks"').out
    assert "achieved on" in text
    assert "hit " in text
    assert "dependency  The hall is closed" in text
    listed = shell.done("goal list --state closed --json").document["goals"]
    assert [(one["title"], one["progress"], one["owner"]) for one in listed] == [("Give three talks", "1", me)]


def test_every_list_has_a_text_and_a_document(shell: Shell) -> None:
    """Each question of the sample prints a table, and with --json one document alone."""
    for line in (
        "goal list",
        "goal show leader",
        "inbox",
        "mentorship list",
        "mentorship show maya-ben",
        "streaks",
        "overdue --grace 0",
        "unaligned",
        "at-risk --of lena --as lena",
        "mentor-load --mentor ben --as ben",
        "mentor-load --programme {growth} --as priya",
        "programme show {growth} --as priya",
        'programme overview {growth} --cycle "this year" --as priya',
        "goal list --of programme:{growth} --as priya",
        "goal list --of mentorship:maya-ben",
        "overdue --programme {growth} --mentorship maya-ben --as priya",
        "inbox --of maya --days 30",
    ):
        # The sample's own programme, which tests otherwise do not change.
        typed = shell.done(line.format(growth=GROWTH), MILEPOST_AS="maya")
        assert typed.out or typed.err, line
        document = shell.done(f"{line.format(growth=GROWTH)} --json", MILEPOST_AS="maya")
        assert document.document["status"] == "answered"
        assert document.out.count("\n") == 1


def test_pages(shell: Shell) -> None:
    """A list is had page by page, and says where it goes on."""
    for number in range(3):
        shell.done(f'goal create "Goal {number}"')
    first = shell.done("goal list --limit 2 --json").document
    rest = shell.done(f"goal list --limit 2 --json --cursor {first['next']}").document
    assert len({goal["id"] for goal in first["goals"] + rest["goals"]}) == 3
    assert rest["next"] is None
    assert f"--cursor {first['next']}" in shell.done("goal list --limit 2").err


def test_another_sees_nothing(shell: Shell) -> None:
    """A private goal is nobody else's, and what does not exist looks the same."""
    goal = shell.done('goal create "Mine" -q').out.strip()
    typed = shell(f"goal show {goal}", MILEPOST_AS=new_person())
    assert (typed.status, typed.out) == (1, "")
    assert "goal_unknown" in typed.err


def test_a_short_id(shell: Shell) -> None:
    """The end of an id, as lists show it, is enough."""
    goal = shell.done('goal create "Mine" -q').out.strip()
    assert goal.endswith(shell.done("goal list").out.splitlines()[1].split()[0])
    assert shell.done(f"goal show {goal[-8:]} --json").document["goal"]["id"] == goal


def test_the_same_command_twice(shell: Shell) -> None:
    """A command that is sent again with its ids happens once and is answered alike."""
    line = f"goal create x --id {new_person()[5:]} --command-id {new_person()[5:]} --json"
    assert shell.done(line).document == shell.done(line).document


def test_a_template(shell: Shell) -> None:
    """A goal begins from a programme's template with its blanks filled in."""
    names = shell.folder / "data" / "sample.json"
    growth = msgspec.json.decode(names.read_bytes())["programmes"]["growth"]
    shell.done(f'programme create "Growing" --id {growth} --as priya')
    shell.done('programme publish-template growth "Give {{n}} talks" --measure "talks=3" --as priya')
    me = shell.variables["MILEPOST_AS"]
    shell.done(f"programme enrol-participant growth {me} mentee --as priya")
    shell.done("goal create --template growth/talks --value n=three")
    shown = shell.done('goal show "three talks" --json').document["goal"]
    assert (shown["title"], [one["name"] for one in shown["measures"]]) == ("Give three talks", ["talks"])


def test_who_one_is(shell: Shell) -> None:
    """Who one is can be remembered, made anew and forgotten; a variable counts before it."""
    nobody = Shell(shell.folder, **{name: value for name, value in shell.variables.items() if name != "MILEPOST_AS"})
    missing = nobody("inbox")
    assert (missing.status, "identity_missing" in missing.err) == (2, True)
    assert nobody.done("whoami --json").document["as"] is None
    assert "maya (user:" in nobody.done("whoami --set maya").out
    assert nobody.done("goal list --json").document["goals"]
    new = nobody.done("whoami --new --json").document["as"]
    assert new.startswith("user:")
    assert nobody.done("goal list --json").document["goals"] == []
    assert shell.done("whoami --json").document["as"] == shell.variables["MILEPOST_AS"]
    assert nobody.done("whoami --forget --json").document["as"] is None
    assert nobody("whoami --set somebody").status == 2
    assert nobody("whoami --set maya --new").status == 2


def test_a_tenant_of_ones_own(shell: Shell) -> None:
    """A tenant is opened, its admin gives roles, and nothing in it is seen from another."""
    tenant = "t" + shell.variables["MILEPOST_AS"][-12:]
    shell.done(f'tenant open {tenant} --title "Ours" --admin me')
    other = new_person()
    shell.done(f"tenant grant-role {other} auditor", MILEPOST_TENANT=tenant)
    shell.done('goal create "Ours alone"', MILEPOST_TENANT=tenant)
    assert len(shell.done("goal list --json", MILEPOST_TENANT=tenant).document["goals"]) == 1
    assert shell.done("goal list --json").document["goals"] == []
    refused = shell(f"tenant grant-role {other} admin", MILEPOST_TENANT=tenant, MILEPOST_AS=other)
    assert (refused.status, "not_allowed" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("why", "shown"), [("erased", "(erased)"), ("not_entitled", "(not for you)"), ("new reason", "(new reason)")]
)
def test_words_that_cannot_be_read_say_why(why: str, shown: str) -> None:
    """Where words are null although somebody wrote them, text says so at their place."""
    answer = {
        "goals": [{"title": None}, {"title": None, "tags": [None, "b"]}],
        "expectations": {"user:a/b": None},
        "unread": [
            {"at": "/goals/1/title", "why": why},
            {"at": "/goals/1/tags/0", "why": why},
            {"at": "/expectations/user:a~1b", "why": why},
        ],
    }
    assert told(answer)["goals"] == [{"title": None}, {"title": shown, "tags": [shown, "b"]}]
    assert answer["expectations"] == {"user:a/b": shown}
