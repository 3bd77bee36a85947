"""Rewards by rules."""
