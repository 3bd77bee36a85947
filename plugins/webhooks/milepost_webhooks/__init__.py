"""An event goes to those outside who want it: a signed HTTP request for each endpoint that its filters let through.

Two plugins, alike but for one permission: `webhooks` sends events as they are on the bus, people's words sealed;
`webhooks-words` may open the words, for the endpoints whose configuration says `words = true`.
"""

from milepost_webhooks.plugin import Webhooks

plugin = Webhooks()
plugin_with_words = Webhooks(words=True)

__all__ = ["Webhooks", "plugin", "plugin_with_words"]
