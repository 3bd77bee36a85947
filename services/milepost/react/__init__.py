"""Events reach plugins: each reads on its own, in a process of its own, and what it wants is kept with its position."""

from milepost.react.installed import allowed
from milepost.react.service import Options, ReactService
from milepost.react.worker import Around

__all__ = ["Around", "Options", "ReactService", "allowed"]
