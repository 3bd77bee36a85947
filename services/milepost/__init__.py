"""Milepost: goals and everything that ever happened to them."""
