"""A plugin is asked what it can be asked: how it is, what it does not know, and about every command it reviews."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from milepost_contracts.failing import Failure
from milepost_contracts.loading import load
from milepost_contracts.permitted import fields_shown
from milepost_contracts.plugin import Question, Reviewed, matches
from milepost_contracts.running import Done
from milepost_contracts.testing.everything import Everything
from milepost_contracts.testing.fresh import fresh
from milepost_contracts.testing.host import HookFailed, Host

_UNKNOWN = "no_such_question"


def asked(
    everything: Everything, plugin: object, config: Mapping[str, Any] | None, secrets: Mapping[str, Any] | None
) -> Iterator[tuple[Failure, str]]:
    """Yield (failure, what was asked) of each question that the plugin failed at."""
    try:
        host = Host(load(fresh(plugin)), config=config, secrets=secrets)
    except HookFailed:
        return  # told already
    runner, tenant = host.runner, everything.stories[0].tenant
    person = everything.stories[0].person("mentee")
    question = Question(name=_UNKNOWN, tenant=tenant, actor=person, roles=("admin",), id="1")
    yield from _failed(runner.health(), "health")
    yield from _failed(runner.answer(question), "answer")
    yield from _failed(runner.act(question), "act")
    permissions = host.manifest.permissions
    for command in everything.commands():
        name = f"{command.AGGREGATE}.{command.NAME}"
        if any(matches(pattern, name) for pattern in permissions.reviews):
            fields = fields_shown(permissions, command)
            reviewed = Reviewed(name=name, tenant=tenant, id=command.id, version=1, actor=person, fields=fields)
            yield from _failed(runner.review(reviewed), name)
    yield from _failed(runner.stop(), "stop")
    runner.close()


def _failed(done: Done, name: str) -> Iterator[tuple[Failure, str]]:
    if done.failure is not None:
        yield done.failure, name
