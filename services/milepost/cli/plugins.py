"""`plugins`: those that run are looked at, held, replayed and asked; new ones are written, checked and tried."""

from __future__ import annotations

from milepost.cli.verbs import Entry, Group, loading

LOOKING, CHANGING, ASKING, WRITING = "Looking", "Changing", "Asking", "Writing one"


def plugins() -> Group:
    """Return `plugins`; each verb is imported when it is wanted."""
    entries = {
        "list": Entry("which there are, and how each is", LOOKING, loading("plugins_looking", "list_")),
        "show": Entry("everything about one", LOOKING, loading("plugins_looking", "show")),
        "dead": Entry("events parked, effects given up", LOOKING, loading("plugins_looking", "dead")),
        "effects": Entry("what goes out, went out or was suppressed", LOOKING, loading("plugins_looking", "effects")),
        "timers": Entry("when it wants to be woken", LOOKING, loading("plugins_looking", "timers")),
        "enable": Entry("let one run that was disabled", CHANGING, loading("plugins_changing", "enable")),
        "disable": Entry("let it not run any more", CHANGING, loading("plugins_changing", "disable")),
        "pause": Entry("hold it where it is", CHANGING, loading("plugins_changing", "pause")),
        "resume": Entry("let it go on", CHANGING, loading("plugins_changing", "resume")),
        "replay": Entry("run it over all history again", CHANGING, loading("plugins_changing", "replay")),
        "retry": Entry("try again what failed", CHANGING, loading("plugins_changing", "retry")),
        "ask": Entry("what it knows, as yourself", ASKING, loading("plugins_questions", "ask")),
        "act": Entry("have it do something, as administrator", ASKING, loading("plugins_questions", "act")),
        "new": Entry("begin one that works, with tests", WRITING, loading("plugins_writing", "new")),
        "dev": Entry("try it on sample history, again with each save", WRITING, loading("plugins_dev", "dev")),
        "check": Entry("what to put right before others run it", WRITING, loading("plugins_writing", "check")),
    }
    return Group("plugins", entries, text="Plugins: rewards, OKR and whatever others write.")
