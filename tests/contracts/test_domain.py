"""The whole language: every event and command of the domain has its Struct, and no other exists."""

from __future__ import annotations

from milepost_contracts.commands import COMMANDS
from milepost_contracts.events import EVENTS, WORDS, Event
from milepost_contracts.types import words_paths

EVENT_NAMES = {
    "goal": """created imported placed refined deadline_set deadline_shifted schedule_set measure_defined target_revised
        measure_retired evaluated proposed agreed declined agreement_withdrawn activated progress_recorded
        progress_corrected check_in_held check_in_amended check_in_voided check_in_acknowledged obstacle_raised
        obstacle_resolved milestone_added milestone_rescheduled milestone_hit milestone_hit_retracted milestone_dropped
        action_added action_completed action_reopened action_dropped health_set aligned unaligned child_aligned
        child_unaligned ownership_transferred party_added party_removed party_replaced contributor_added
        contributor_removed visibility_changed paused resumed closed closure_amended reopened archived carried_over
        resource_attached feedback_given feedback_retracted reflection_recorded comment_posted tagged""",
    "mentorship": """requested accepted rejected expectations_agreed purpose_set cadence_set cap_set quorum_set
        session_held party_replaced party_removed completed cancelled reflection_recorded resource_attached
        key_area_opened key_area_released goal_joined goal_left""",
    "programme": """created rubric_set cadence_set cap_set template_published template_retired participant_enrolled
        participant_withdrawn cycle_planned cycle_opened cycle_closed survey_recorded cost_recorded benefit_recorded
        closed""",
    "person": "linked held released erased keys_destroyed",
    "tenant": """opened role_granted role_revoked stream_refilled retention_set wrapping_key_rotated
        signing_key_rotated closed""",
    "access": "recorded",
}
COMMAND_NAMES = {
    "goal": """create_goal import_goal place_goal refine_goal set_deadline shift_deadline set_schedule define_measure
        revise_target retire_measure evaluate_goal propose_goal agree_goal decline_goal withdraw_agreement activate_goal
        record_progress correct_progress hold_check_in amend_check_in void_check_in acknowledge_check_in raise_obstacle
        resolve_obstacle add_milestone reschedule_milestone hit_milestone retract_milestone_hit drop_milestone
        add_action complete_action reopen_action drop_action set_health align_goal unalign_goal transfer_ownership
        add_party remove_party replace_party add_contributor remove_contributor change_visibility pause_goal resume_goal
        close_goal amend_closure reopen_goal archive_goal carry_goal_over attach_resource give_feedback retract_feedback
        record_reflection post_comment tag_goal""",
    "mentorship": """request accept reject agree_expectations set_purpose set_cadence set_cap set_quorum hold_session
        replace_party remove_party complete cancel record_reflection attach_resource""",
    "programme": """create set_rubric set_cadence set_cap publish_template retire_template enrol_participant
        withdraw_participant plan_cycle open_cycle close_cycle record_survey record_cost record_benefit close""",
    "person": "link hold release erase record_keys_destroyed",
    "tenant": """open grant_role revoke_role record_refill set_retention record_key_rotation record_signing_key
        close""",
    "access": "record",
}


def test_events() -> None:
    """Every event of the domain is there under its tag, by the name that the domain gives it."""
    named = {(aggregate, name) for aggregate, names in EVENT_NAMES.items() for name in names.split()}
    assert {(event.AGGREGATE, event.NAME) for event in EVENTS.values()} == named
    assert all(f"{event.AGGREGATE}.{event.NAME}.v{event.VERSION}" == tag for tag, event in EVENTS.items())
    # No event hides another one of the same tag, and none is left out.
    bases = {"Event", "GoalEvent", "TermsEvent", "MentorshipEvent", "ProgrammeEvent", "PersonEvent", "TenantEvent"}
    bases |= {"AccessEvent"}
    assert {event.__qualname__ for event in _below(Event)} >= bases
    assert {event for event in _below(Event) if event.__name__ not in bases} == set(EVENTS.values())


def _below(kind: type[Event]) -> set[type[Event]]:
    """Return *kind* and every class of the contracts made from it."""
    found = {kind}
    for derived in kind.__subclasses__():
        if derived.__module__.startswith("milepost_contracts."):
            found |= _below(derived)
    return found


def test_commands() -> None:
    """Every command of the domain is there, by the name that the domain gives it."""
    named = {(aggregate, name) for aggregate, names in COMMAND_NAMES.items() for name in names.split()}
    assert set(COMMANDS) == named


def test_the_five_names_that_are_the_users_own() -> None:
    """Five names were chosen by the people who use it and stay exactly so."""
    names = {event.NAME for event in EVENTS.values() if event.AGGREGATE == "goal"}
    assert {"created", "refined", "milestone_hit", "check_in_held", "deadline_shifted"} <= names


def test_words_are_sealed_at_any_depth() -> None:
    """Words inside lists, maps and parts of parts are known by their paths, diaries to their author alone."""
    assert (("wins", "[]"), "parties", "text") in WORDS["goal.check_in_held.v1"]
    assert (("template", "values", "{}"), "parties", "line") in WORDS["goal.created.v1"]
    assert (("terms", "measures", "[]", "name"), "parties", "line") in WORDS["goal.imported.v1"]
    assert (("accounts", "[]", "account"), "parties", "line") in WORDS["person.linked.v1"]
    assert (("url",), "parties", "link") in WORDS["goal.resource_attached.v2"]
    assert WORDS["goal.reflection_recorded.v1"] == ((("text",), "author", "text"),)
    assert WORDS["goal.child_aligned.v1"] == ()


def test_what_a_command_says_is_sealed_in_its_event() -> None:
    """No command has words of a name that none of its aggregate's events seals: nothing gets out in the clear."""
    for (aggregate, _), command in COMMANDS.items():
        sealed = {
            path[-1 if path[-1] not in {"[]", "{}"} else -2]
            for tag in EVENTS
            for path, _, _ in WORDS[tag]
            if tag.startswith(f"{aggregate}.")
        }
        for path, _, _ in words_paths(command):
            name = path[-1 if path[-1] not in {"[]", "{}"} else -2]
            assert {"add": "added", "remove": "removed"}.get(name, name) in sealed, (command, path)
