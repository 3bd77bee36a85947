"""Processes die at named points; afterwards everything that was acknowledged is there, once, everywhere."""
