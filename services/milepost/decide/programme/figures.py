"""What a programme is measured by: surveys, costs and benefits, also those that come in after its end."""

from __future__ import annotations

import msgspec

from milepost.decide.kernel import Recorded, evolves
from milepost.decide.programme.state import Programme
from milepost_contracts.events import programme as events


@evolves(events.SurveyRecorded)
def survey_recorded(state: Programme, event: events.SurveyRecorded, _recorded: Recorded) -> Programme:
    """Remember that it is recorded."""
    return msgspec.structs.replace(state, surveys=state.surveys.insert(event.survey, True))


@evolves(events.CostRecorded)
def cost_recorded(state: Programme, event: events.CostRecorded, _recorded: Recorded) -> Programme:
    """Remember that it is recorded."""
    return msgspec.structs.replace(state, costs=state.costs.insert(event.cost, True))


@evolves(events.BenefitRecorded)
def benefit_recorded(state: Programme, event: events.BenefitRecorded, _recorded: Recorded) -> Programme:
    """Remember that it is recorded."""
    return msgspec.structs.replace(state, benefits=state.benefits.insert(event.benefit, True))
