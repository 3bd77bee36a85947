"""The command line: a person's words become commands and queries, answers become text or JSON documents."""

from milepost.cli.app import main

__all__ = ["main"]
