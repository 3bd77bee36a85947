"""The verbs on a goal, in the order in which a goal lives."""

from __future__ import annotations

from milepost.cli.curated import ME, NEWEST, ONLY_MEASURE, PARTIES, PLACED, TODAY, Curated, constant

BEGINNING, AGREEING, WORKING, TALKING = "Beginning", "Agreeing", "Working", "Talking about it"
PEOPLE, ENDING, NOTING = "People and places", "Resting and ending", "Notes"

GOAL = {
    "create_goal": Curated(
        BEGINNING,
        'milepost goal create "Give a talk at the town hall" --deadline +3m',
        args=("title",),
        makes="id",
        defaults={"owner": ME},
    ),
    "refine_goal": Curated(
        BEGINNING,
        'milepost goal refine talk --title "Give a ten-minute talk at the town hall"',
        defaults={"trigger": constant("other")},
    ),
    "define_measure": Curated(
        BEGINNING,
        'milepost goal define-measure talk "talks given" --target 1',
        args=("name",),
        makes="measure",
    ),
    "revise_target": Curated(BEGINNING, 'milepost goal revise-target talk "talks given" 2', args=("measure", "target")),
    "retire_measure": Curated(BEGINNING, 'milepost goal retire-measure talk "talks given"', args=("measure",)),
    "set_deadline": Curated(BEGINNING, "milepost goal set-deadline talk 2027-09-30", args=("new",)),
    "shift_deadline": Curated(
        BEGINNING,
        'milepost goal shift-deadline talk +4m --reason-code dependency --reason "The town hall was moved"',
        args=("new",),
    ),
    "set_schedule": Curated(BEGINNING, "milepost goal set-schedule talk --time-zone Europe/Berlin --cadence bi_weekly"),
    "evaluate_goal": Curated(
        BEGINNING, 'milepost goal evaluate talk --met measurable=yes:"one talk, given or not"', args=("criteria",)
    ),
    "propose_goal": Curated(AGREEING, "milepost goal propose talk", defaults={"revision": NEWEST}),
    "agree_goal": Curated(AGREEING, "milepost goal agree talk", defaults={"revision": NEWEST}),
    "decline_goal": Curated(AGREEING, 'milepost goal decline talk --reason "How would we know that it went well?"'),
    "withdraw_agreement": Curated(AGREEING, 'milepost goal withdraw-agreement talk --reason "I changed teams"'),
    "activate_goal": Curated(
        AGREEING, 'milepost goal activate talk --waive measures="A first try"', defaults={"revision": NEWEST}
    ),
    "record_progress": Curated(
        WORKING,
        "milepost goal record-progress talk 1",
        args=("reading",),
        defaults={"measure": ONLY_MEASURE, "on": TODAY},
    ),
    "correct_progress": Curated(
        WORKING,
        'milepost goal correct-progress talk last --reading 2 --reason "There were two audiences"',
        args=("corrects",),
    ),
    "add_milestone": Curated(
        WORKING, 'milepost goal add-milestone talk "First rehearsal" +2w', args=("title", "due_on"), makes="milestone"
    ),
    "reschedule_milestone": Curated(
        WORKING,
        'milepost goal reschedule-milestone talk rehearsal +3w --reason "The room was taken"',
        args=("milestone", "new"),
    ),
    "hit_milestone": Curated(
        WORKING, "milepost goal hit-milestone talk rehearsal", args=("milestone",), defaults={"hit_on": TODAY}
    ),
    "retract_milestone_hit": Curated(
        WORKING,
        'milepost goal retract-milestone-hit talk rehearsal --reason "Nobody was listening"',
        args=("milestone",),
    ),
    "drop_milestone": Curated(WORKING, "milepost goal drop-milestone talk rehearsal", args=("milestone",)),
    "add_action": Curated(
        WORKING, 'milepost goal add-action talk "Ask for a slot" --due-on +7d', args=("title",), makes="action"
    ),
    "complete_action": Curated(
        WORKING, "milepost goal complete-action talk slot", args=("action",), defaults={"completed_on": TODAY}
    ),
    "reopen_action": Curated(WORKING, "milepost goal reopen-action talk slot", args=("action",)),
    "drop_action": Curated(WORKING, "milepost goal drop-action talk slot", args=("action",)),
    "raise_obstacle": Curated(
        WORKING, 'milepost goal raise-obstacle talk "Stage fright"', args=("title",), makes="obstacle"
    ),
    "resolve_obstacle": Curated(
        WORKING, 'milepost goal resolve-obstacle talk fright --resolution "Three rehearsals"', args=("obstacle",)
    ),
    "set_health": Curated(
        WORKING,
        'milepost goal set-health talk on_track --until +2w --reason "The slot is booked"',
        args=("health",),
    ),
    "hold_check_in": Curated(
        TALKING,
        'milepost goal check-in talk --confidence 7 --win "Spoke without notes"',
        makes="check_in",
        defaults={"held_on": TODAY, "attendees": PARTIES},
    ),
    "amend_check_in": Curated(TALKING, "milepost goal amend-check-in talk last --confidence 8", args=("check_in",)),
    "void_check_in": Curated(
        TALKING, 'milepost goal void-check-in talk last --reason "We met only a day later"', args=("check_in",)
    ),
    "acknowledge_check_in": Curated(TALKING, "milepost goal acknowledge-check-in talk last", args=("check_in",)),
    "place_goal": Curated(PEOPLE, 'milepost goal place talk --mentorship "speak up"', defaults={"parties": PLACED}),
    "carry_goal_over": Curated(
        PEOPLE, 'milepost goal carry-over talk "second half" --reason "Half done"', args=("cycle",)
    ),
    "align_goal": Curated(
        PEOPLE, 'milepost goal align talk "lead a team"', args=("parent",), defaults={"weight": constant("1")}
    ),
    "unalign_goal": Curated(PEOPLE, 'milepost goal unalign talk "lead a team"', args=("parent",)),
    "transfer_ownership": Curated(
        PEOPLE, 'milepost goal transfer-ownership talk ben --reason "Ben gives it"', args=("owner",)
    ),
    "add_party": Curated(PEOPLE, "milepost goal add-party talk ben=mentor", args=("party",)),
    "remove_party": Curated(PEOPLE, "milepost goal remove-party talk ben", args=("party",)),
    "replace_party": Curated(PEOPLE, "milepost goal replace-party talk ben omar=mentor", args=("old", "new")),
    "add_contributor": Curated(PEOPLE, "milepost goal add-contributor talk tom peer", args=("ref", "role")),
    "remove_contributor": Curated(PEOPLE, "milepost goal remove-contributor talk tom", args=("ref",)),
    "change_visibility": Curated(PEOPLE, "milepost goal change-visibility talk tenant", args=("visibility",)),
    "pause_goal": Curated(ENDING, 'milepost goal pause talk --reason "Parental leave" --until +3m'),
    "resume_goal": Curated(ENDING, "milepost goal resume talk"),
    "close_goal": Curated(
        ENDING,
        'milepost goal close talk achieved --score 1 --retrospective "Friendly audiences help"',
        args=("result",),
        defaults={"closed_on": TODAY},
    ),
    "amend_closure": Curated(ENDING, 'milepost goal amend-closure talk --score 0.9 --reason "A typing error"'),
    "reopen_goal": Curated(ENDING, 'milepost goal reopen talk --reason "There is a second date"'),
    "archive_goal": Curated(ENDING, "milepost goal archive talk"),
    "attach_resource": Curated(
        NOTING,
        'milepost goal attach-resource talk "Slides of last year" --kind other --url https://example.org/slides',
        args=("title",),
        makes="resource",
    ),
    "give_feedback": Curated(
        NOTING, 'milepost goal give-feedback talk "Clear and funny" --rating 5', args=("text",), makes="feedback"
    ),
    "retract_feedback": Curated(NOTING, "milepost goal retract-feedback talk last", args=("feedback",)),
    "record_reflection": Curated(
        NOTING,
        'milepost goal record-reflection talk "I breathe when I pause"',
        args=("text",),
        makes="reflection",
    ),
    "post_comment": Curated(
        NOTING, 'milepost goal post-comment talk "The big hall is free in May"', args=("text",), makes="comment"
    ),
    "tag_goal": Curated(NOTING, "milepost goal tag talk --add speaking --add initiative:VOICE"),
    "import_goal": Curated(
        NOTING,
        'milepost goal import --origin notes:17 --state drafted --title "Learn to juggle"',
        makes="id",
        defaults={"as_of": TODAY, "terms.owner": ME},
    ),
}
