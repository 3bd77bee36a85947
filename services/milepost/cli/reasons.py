"""The flag of every verb that reads what others did: why, for the record of the access."""

from __future__ import annotations

import click


def reason() -> click.Option:
    """Return `--reason`: its value is the query's `reason`, None where none is given."""
    told = "why you read this: kept, sealed, with the record that you did"
    return click.Option(["--reason"], metavar="TEXT", help=told)
