"""Verifying, against journals that were tampered with."""
