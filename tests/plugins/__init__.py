"""Plugins, each as its operator has it."""
