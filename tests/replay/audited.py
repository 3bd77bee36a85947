"""A goal's way from a starter to a moved deadline, told by two people through accept, and a desk to ask about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from milepost.journal import KeyStore
from milepost.logs import logger
from milepost.replay.desk import Desk
from milepost.replay.entitlement import Entitlement
from milepost.replay.evolution import evolution
from milepost.replay.explaining import explain
from milepost.replay.histories import Histories
from milepost.replay.tree import Grower, Logs, Options, SigningKeys
from milepost_contracts.answers import Invalid, Refused
from milepost_contracts.commands import Command, goal, mentorship, programme, tenant
from milepost_contracts.queries import Evolution, EvolutionAnswer, Explain, ExplainAnswer
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import Criterion, Measure, Party, RubricRef, TermsChange
from tests.support.accepting import SERVICE, TENANT, Acceptance, ident, user

MENTEE, MENTOR, ADMIN, AUDITOR = user("mentee"), user("mentor"), user("admin"), user("auditor")
PROGRAMME, OTHER, PAIR, GOAL = ident("programme"), ident("other programme"), ident("pair"), ident("talk")
TODAY = dt.datetime.now(dt.UTC).date()
TALKS = Measure(
    measure=ident("talks"), name="Talks given", kind="count", direction="increase", unit="talks", target="3"
)
CRITERIA = ("specific", "measurable", "achievable", "relevant", "time_bound")


def day(days: int) -> dt.date:
    """Return the date *days* after today."""
    return TODAY + dt.timedelta(days=days)


class Audited:
    """Accept, and the desk that answers about what it wrote."""

    def __init__(self, folder: Path, journal_url: str = "") -> None:
        """Open both on the same databases; the journal in *folder* unless it is elsewhere."""
        self.folder = folder
        self.accept = Acceptance(folder, journal_url=journal_url)
        self.desk = self.desk_with(self.accept.keys)
        self._said = 0

    def desk_with(self, keys: KeyStore) -> Desk:
        """Return a desk that opens words by *keys*."""
        histories = Histories(self.accept.journal, keys)
        signing = SigningKeys(self.folder / "signing", "milepost.test")
        logs = Logs(self.folder / "proofs", signing)
        return Desk(self.accept.journal, keys, histories, Entitlement(histories.newest), logs=logs)

    def say(self, who: str, command: type[Command], about: str = GOAL, /, **fields: Any) -> int:
        """Have *command* accepted; returns the tenant's last sequence."""
        self._said += 1
        named = {"command_id": ident(f"said {self._said}"), "id": about, "actor": who} | fields
        self.accept.accepted(command(**named))
        return self.desk.newest(TENANT)

    def organised(self) -> None:
        """Open the tenant with an auditor, two programmes of ADMIN's, and a mentorship in the first."""
        self.accept.open_tenant()
        self.say(SERVICE, tenant.GrantRole, tenant_id(TENANT), ref=AUDITOR, role="auditor")
        for id_, title in ((PROGRAMME, "Growing"), (OTHER, "Leading")):
            self.say(SERVICE, programme.Create, id_, title=title, admins=[ADMIN])
            for person in (MENTEE, MENTOR, user("colleague")):
                self.say(ADMIN, programme.EnrolParticipant, id_, participant=person, role="member")
        parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
        self.say(MENTEE, mentorship.Request, PAIR, parties=parties, format="one_to_one", purpose="To speak up")
        self.say(MENTOR, mentorship.Accept, PAIR)

    def bring(self, id_: str = GOAL, title: str = "get better at talks", **placing: Any) -> None:
        """Bring a starter goal, and place it with both people."""
        self.accept.accepted(_created(id_, title))
        parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
        self.say(MENTEE, goal.PlaceGoal, id_, parties=parties, **({"programme": PROGRAMME} | placing))

    def made_smart(self, id_: str = GOAL) -> None:
        """Refine it, measure it, date it and hold it against the checklist."""
        self.say(MENTEE, goal.RefineGoal, id_, changes=TermsChange(title="Give three talks"), trigger="periodic")
        self.say(MENTEE, goal.DefineMeasure, id_, **_measured())
        self.say(MENTEE, goal.SetDeadline, id_, new=day(60))
        criteria = [Criterion(criterion=name, met=name != "relevant") for name in CRITERIA]
        rubric = RubricRef(id="smart", version=1)
        self.say(MENTOR, goal.EvaluateGoal, id_, rubric=rubric, criteria=criteria)
        criteria = [Criterion(criterion=name, met=True) for name in CRITERIA]
        self.say(MENTOR, goal.EvaluateGoal, id_, rubric=rubric, criteria=criteria)

    def begun(self, id_: str = GOAL) -> None:
        """Have both agree, and work begin."""
        revision = self.desk.histories.newest(TENANT, ("goal", id_)).revision
        self.say(MENTEE, goal.ProposeGoal, id_, revision=revision)
        self.say(MENTOR, goal.AgreeGoal, id_, revision=revision)
        self.say(MENTEE, goal.ActivateGoal, id_, revision=revision)

    def slipped(self, id_: str = GOAL, days: int = 90) -> int:
        """Move the deadline, which voids the mentor's yes; returns the sequence of the event."""
        why = {"reason": "The room is closed", "reason_code": "dependency"}
        return self.say(MENTEE, goal.ShiftDeadline, id_, new=day(days), **why)

    def agreed_again(self, id_: str = GOAL) -> int:
        """Have the mentor agree to what is new."""
        revision = self.desk.histories.newest(TENANT, ("goal", id_)).revision
        return self.say(MENTOR, goal.AgreeGoal, id_, revision=revision)

    def signed(self) -> None:
        """Have a checkpoint signed that covers all there is."""
        keys = SigningKeys(self.folder / "signing", "milepost.test")
        grower = Grower(self.accept.journal, self.folder / "proofs", keys, Options(1, 0), log=logger("replay"))
        grower.open()
        while grower.step():
            pass
        grower.close()

    def explained(self, reader: str = AUDITOR, *, desk: Desk | None = None, **named: Any) -> ExplainAnswer:
        """Return the answer about one event."""
        answer, _ = explain(desk or self.desk, TENANT, Explain(actor=reader, **named), reader)
        assert isinstance(answer, ExplainAnswer), answer
        return answer

    def unexplained(self, reader: str = AUDITOR, **named: Any) -> list[str]:
        """Return why there is no answer."""
        answer, _ = explain(self.desk, TENANT, Explain(actor=reader, **named), reader)
        assert isinstance(answer, Refused), answer
        return [problem.code for problem in answer.errors]

    def evolved(self, reader: str = AUDITOR, *, desk: Desk | None = None, **asked: Any) -> EvolutionAnswer:
        """Return the answer about all goals, of PROGRAMME unless said otherwise."""
        query = Evolution(**({"actor": reader, "id": PROGRAMME} | asked))
        answer, _ = evolution(desk or self.desk, TENANT, query, reader)
        assert isinstance(answer, EvolutionAnswer), answer
        return answer

    def refused(self, reader: str, **asked: Any) -> list[str]:
        """Return why there is no answer about all goals."""
        answer, _ = evolution(self.desk, TENANT, Evolution(**({"actor": reader, "id": PROGRAMME} | asked)), reader)
        assert isinstance(answer, Refused | Invalid), answer
        return [problem.code for problem in answer.errors]


def _created(id_: str, title: str) -> goal.CreateGoal:
    return goal.CreateGoal(command_id=ident(f"create {id_}"), id=id_, actor=MENTEE, owner=MENTEE, title=title)


def _measured() -> dict[str, Any]:
    names = ("measure", "name", "kind", "direction", "unit", "target")
    return {name: getattr(TALKS, name) for name in names}


@contextmanager
def audited(folder: Path, journal_url: str = "") -> Iterator[Audited]:
    """Give an organisation in *folder*, its journal there or elsewhere."""
    made = Audited(folder, journal_url)
    made.organised()
    try:
        yield made
    finally:
        made.accept.close()
