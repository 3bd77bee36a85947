"""Given-when-then for goals, one file a module."""
