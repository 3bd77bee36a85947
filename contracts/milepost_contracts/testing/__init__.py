"""For authors of plugins: a host in memory, histories to give it, and the check that `milepost plugins check` runs.

As a pytest plugin it gives the fixtures of `milepost_contracts.testing.fixtures`; nothing needs to be imported.
"""

from milepost_contracts.testing.host import Host
from milepost_contracts.testing.story import Story, StoryGoal

__all__ = ["Host", "Story", "StoryGoal"]
