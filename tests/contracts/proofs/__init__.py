"""Proofs: trees, tiles, notes and checkpoints."""
