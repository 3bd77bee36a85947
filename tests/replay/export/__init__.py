"""Bundles, made of a journal with its signed tree as the command line makes them."""
