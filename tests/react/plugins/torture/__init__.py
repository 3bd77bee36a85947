"""Plugins that misbehave, one way each; `broken = false` in their configuration mends them."""
