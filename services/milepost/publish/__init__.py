"""Events leave the journal for the bus: in order, each once, fenced, and rather halted than lost."""

from milepost.publish.admin import AdminError, AdminService, PublishAdmin, serve
from milepost.publish.publisher import BusyError, Publisher
from milepost.publish.refill import CommandRecord
from milepost.publish.reports import Finding, Halt, HaltError, Progress, Reconciled, Refilled, Refilling, Status

__all__ = [
    "AdminError",
    "AdminService",
    "BusyError",
    "CommandRecord",
    "Finding",
    "Halt",
    "HaltError",
    "Progress",
    "PublishAdmin",
    "Publisher",
    "Reconciled",
    "Refilled",
    "Refilling",
    "Status",
    "serve",
]
