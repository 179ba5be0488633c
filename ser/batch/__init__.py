"""Scoring many clips: list them, share the list out, score each part, join the parts to one table."""
