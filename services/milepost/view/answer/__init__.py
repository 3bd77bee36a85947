"""A question meets the tables and becomes an answer, its words still sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.view.answer.goal import goal, goals_of
from milepost_contracts.queries import Goal, GoalsOf, Query

ANSWERS: dict[type[Query], Callable[[Any, Any], dict[str, Any]]] = {Goal: goal, GoalsOf: goals_of}
