"""Plugins for the tests of the host; each is a module that a process of its own imports."""
