"""The example of every verb of `plugins`, run as it stands in its help against a Milepost in which plugins run."""

from __future__ import annotations

import pytest

from tests.cli.test_plugins import report, until
from tests.cli.test_plugins_writing import GOOD
from tests.cli.verbs import every_verb
from tests.support.distributing import source
from tests.support.shell import Shell

EXAMPLES = [example for path, verb in every_verb() if path.startswith("milepost plugins ") for example in verb.examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works(example: str, admin: Shell) -> None:
    """What help shows can be typed as it stands."""
    until(lambda: report(admin)["state"] == "running")
    if "plugins new" not in example:
        source(admin.folder / "thank-you", "thank-you", GOOD)
    try:
        admin.done(example)
    finally:
        admin.done("plugins enable thank-you")
        admin.done("plugins resume thank-you")
        admin.done("plugins act thank-you break")
