"""Tests of accept."""
