"""The verbs on mentorships, programmes, persons and tenants."""

from __future__ import annotations

from milepost.cli.curated import MEMBERS, NEXT_VERSION, TODAY, Curated

MEETING, RULES, LEAVING = "Meeting", "Rules", "Leaving and ending"
FRAME, OFFERS, FIGURES = "Frame", "People, periods, templates", "Figures"

MENTORSHIP = {
    "request": Curated(MEETING, 'milepost mentorship request --mentor ben --purpose "To speak up more"', makes="id"),
    "accept": Curated(MEETING, 'milepost mentorship accept "speak up"'),
    "reject": Curated(MEETING, 'milepost mentorship reject "speak up" --reason "No time before May"'),
    "agree_expectations": Curated(
        MEETING, 'milepost mentorship agree-expectations "speak up" "We come prepared"', args=("expectations",)
    ),
    "hold_session": Curated(
        MEETING,
        'milepost mentorship hold-session "speak up" --notes "Got to know each other"',
        makes="session",
        defaults={"held_on": TODAY, "attendees": MEMBERS},
    ),
    "record_reflection": Curated(
        MEETING,
        'milepost mentorship record-reflection "speak up" "Listening is hard"',
        args=("text",),
        makes="reflection",
    ),
    "attach_resource": Curated(
        MEETING,
        'milepost mentorship attach-resource "speak up" "Talk like TED" --kind book',
        args=("title",),
        makes="resource",
    ),
    "set_purpose": Curated(RULES, 'milepost mentorship set-purpose "speak up" "To be heard"', args=("purpose",)),
    "set_cadence": Curated(RULES, 'milepost mentorship set-cadence "speak up" bi_weekly', args=("cadence",)),
    "set_cap": Curated(RULES, 'milepost mentorship set-cap "speak up" 2', args=("cap",)),
    "set_quorum": Curated(RULES, 'milepost mentorship set-quorum "speak up" majority', args=("quorum",)),
    "replace_party": Curated(
        LEAVING,
        'milepost mentorship replace-party "speak up" ben omar=mentor --reason "Ben moves"',
        args=("old", "new"),
    ),
    "remove_party": Curated(
        LEAVING, 'milepost mentorship remove-party "speak up" tom --reason "Tom moves"', args=("party",)
    ),
    "complete": Curated(
        LEAVING,
        'milepost mentorship complete "speak up" --retrospective "She speaks up"',
        defaults={"completed_on": TODAY},
    ),
    "cancel": Curated(LEAVING, 'milepost mentorship cancel "speak up" --reason "No time any more"'),
}

PROGRAMME = {
    "create": Curated(FRAME, 'milepost programme create "Growing together" --as priya', args=("title",), makes="id"),
    "set_rubric": Curated(
        FRAME,
        "milepost programme set-rubric growth house@1:specific,measurable,worthwhile --as priya",
        args=("rubric",),
    ),
    "set_cadence": Curated(FRAME, "milepost programme set-cadence growth monthly --as priya", args=("cadence",)),
    "set_cap": Curated(FRAME, "milepost programme set-cap growth 3 --as priya", args=("cap",)),
    "close": Curated(FRAME, 'milepost programme close growth --reason "It goes on elsewhere" --as priya'),
    "enrol_participant": Curated(
        OFFERS, "milepost programme enrol-participant growth tom mentee --as priya", args=("participant", "role")
    ),
    "withdraw_participant": Curated(
        OFFERS, "milepost programme withdraw-participant growth tom --as priya", args=("participant",)
    ),
    "plan_cycle": Curated(
        OFFERS,
        'milepost programme plan-cycle growth "First half" 2027-01-01 2027-06-30 --as priya',
        args=("title", "starts_on", "ends_on"),
        makes="cycle",
    ),
    "open_cycle": Curated(OFFERS, 'milepost programme open-cycle growth "first half" --as priya', args=("cycle",)),
    "close_cycle": Curated(OFFERS, 'milepost programme close-cycle growth "first half" --as priya', args=("cycle",)),
    "publish_template": Curated(
        OFFERS,
        'milepost programme publish-template growth "Give {{number}} talks" --measure "talks given=3" --as priya',
        args=("title",),
        makes="template",
        defaults={"version": NEXT_VERSION},
    ),
    "retire_template": Curated(
        OFFERS, "milepost programme retire-template growth talks --as priya", args=("template",)
    ),
    "record_survey": Curated(
        FIGURES,
        'milepost programme record-survey growth "Survey" --invited 20 --answered 18 --score useful=4.2/18 --as priya',
        args=("title",),
        makes="survey",
        defaults={"held_on": TODAY},
    ),
    "record_cost": Curated(
        FIGURES,
        'milepost programme record-cost growth 1200 EUR --note "Room" --as priya',
        args=("amount", "currency"),
        makes="cost",
        defaults={"on": TODAY},
    ),
    "record_benefit": Curated(
        FIGURES,
        'milepost programme record-benefit growth 3000 EUR --note "One position filled from within" --as priya',
        args=("amount", "currency"),
        makes="benefit",
        defaults={"on": TODAY},
    ),
}

PERSON = {
    "link": Curated("Verbs", 'milepost person link me --name "Maya Lindqvist" --account github:maya'),
    "hold": Curated("Verbs", 'milepost person hold maya --reason "A legal matter" --until +1m'),
    "release": Curated("Verbs", 'milepost person release maya --reason "It is settled"'),
    "erase": Curated("Verbs", 'milepost person erase me --reason "I leave" --yes'),
    "record_keys_destroyed": Curated(
        "Verbs",
        "milepost person record-keys-destroyed me --erased 0199c0de-0000-7000-8000-000000000001"
        " --key-ids 5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f --derived 0 --survivors 1 --generation-before 1"
        " --generation-after 2",
        speaks="service:accept",
    ),
}

TENANT = {
    "open": Curated("Verbs", 'milepost tenant open acme --title "Acme Ltd" --admin me', speaks="service:cli"),
    "grant_role": Curated("Verbs", "milepost tenant grant-role maya auditor", args=("ref", "role")),
    "revoke_role": Curated("Verbs", "milepost tenant revoke-role maya auditor", args=("ref", "role")),
    "set_retention": Curated("Verbs", "milepost tenant set-retention --months 24"),
    "close": Curated("Verbs", 'milepost tenant close --successor sample --reason "Merged"'),
    "record_signing_key": Curated(
        "Verbs",
        "milepost tenant record-signing-key"
        " --old milepost.local/acme+cfc96ae4+AZRfJOOECzYizpVij+uZ09XMCQxxfo9Xe+CIEvqhElaX"
        " --new milepost.local/acme+fe067b65+AaCaqS+yBii8uBO0jVO2xRhQwOPj2ezQe3P/OuIN7YSO --json",
        speaks="service:replay",
    ),
    "record_refill": Curated(
        "Verbs",
        "milepost tenant record-refill --generation 2 --first 0000000000000001 --last 0000000000000009 --json",
        speaks="service:publish",
    ),
    "record_key_rotation": Curated(
        "Verbs",
        "milepost tenant record-key-rotation --keys 3 --generation-before 1 --generation-after 2",
        speaks="service:cli",
    ),
}
