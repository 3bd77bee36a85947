"""The plugin in the real host: processes of its own, a real broker, its outbox in a database, a real receiver."""

from __future__ import annotations

from standardwebhooks.webhooks import Webhook

from tests.plugins.webhooks.hosting import Receiver, secret
from tests.react.conftest import MakeHost
from tests.support.hosting import Hosting

CONFIG = """
ports = [{port}]
allow_http = true
allow_private = ["127.0.0.1/32"]
retry_s = [1, 1, 1, 1, 1]
hold_s_max = 1
[[endpoints]]
id = "crm"
url = "{url}"
tenants = ["acme"]
"""


async def started(hosting: MakeHost, receiver: Receiver) -> Hosting:
    """Return a host that has started with one endpoint: the receiver."""
    host: Hosting = hosting({"webhooks": "milepost_webhooks:plugin"})
    host.configure("webhooks", CONFIG.format(port=receiver.port, url=receiver.url))
    path = host.folder / "plugins" / "webhooks.secrets.toml"
    path.touch(mode=0o600)
    path.write_text(f'[endpoints.crm]\nsigning = ["{secret()}"]\n', encoding="utf-8")
    await host.start()
    await host.until("webhooks", lambda report: report.state == "running")
    return host


async def asked(host: Hosting, name: str, id_: str) -> None:
    """Ask for something as an administrator."""
    await host.told(
        "act", "webhooks", name=name, tenant="acme", actor="service:cli", arguments={"endpoint": "crm"}, id=id_
    )


async def test_the_whole_way(hosting: MakeHost) -> None:
    """Events go out signed, failures are tried again, 410 disables; enabled by hand it gets what it missed."""
    with Receiver(500) as receiver:
        host = await started(hosting, receiver)
        story = host.story
        goal = story.goal(story.person("mentee"), story.person("mentor"))
        await host.publish()
        await host.until("webhooks", lambda _: len(receiver.received) == 2)
        assert [one.body for one in receiver.received] == story.documents * 2
        assert len(set(receiver.ids)) == 1
        Webhook(secret()).verify(receiver.received[1].body, receiver.received[1].headers)
        await host.until("webhooks", lambda _: host.state("webhooks") == {})

        receiver.answers = [410]
        goal.hit("One")
        await host.publish()
        await host.until("webhooks", lambda _: host.state("webhooks").get("endpoint/crm", {}).get("disabled") == "gone")
        goal.hit("Two")
        await host.publish()
        await host.until(
            "webhooks",
            lambda _: host.state("webhooks")["endpoint/crm"]["missed"] == {"first": 2, "last": 3, "count": 2},
        )
        assert len(receiver.received) == 3

        await asked(host, "enable", "1")
        await asked(host, "replay", "2")
        await host.until("webhooks", lambda _: len(receiver.received) == 5)
        assert sorted(one.body for one in receiver.received[3:]) == sorted(story.documents[1:])
        assert receiver.ids[2] in receiver.ids[3:]
        await host.until("webhooks", lambda _: host.state("webhooks") == {})
        facts = await host.facts("webhooks")
        assert [fact["type"] for fact in facts] == ["webhooks.endpoint_disabled.v1", "webhooks.endpoint_enabled.v1"]


async def test_a_crash_between_sending_and_noting_it(hosting: MakeHost) -> None:
    """What was sent and not noted is sent again by the next process, with the same webhook-id and the same body."""

    class Crashed(Exception):  # noqa: N818  no error of the product
        """The host dies here."""

    with Receiver() as receiver:
        host = await started(hosting, receiver)
        crashes = ["react.after_effect"]

        def at(name: str) -> None:
            if name in crashes:
                crashes.remove(name)
                raise Crashed

        host.at = at
        host.story.goal(host.story.person("mentee"))
        await host.publish()
        await host.until("webhooks", lambda _: not crashes)
        await host.stop()
        await host.start()
        await host.until("webhooks", lambda _: len(receiver.received) == 2)
        await host.caught_up("webhooks")
        assert len({(one.id, one.body) for one in receiver.received}) == 1
