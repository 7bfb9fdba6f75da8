"""Conditions: what a function has to fulfil, and what a check of it found."""

from tito.conditions.results import Check, Share

__all__ = ["Check", "Share"]
