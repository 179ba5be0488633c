"""Recordings of any length: where somebody speaks, who, and with which emotion.

What comes in flows through `stream`, block by block: `voice_activity` finds speech, `cutting` cuts it,
the recognizer analyses it. `turns` reads who speaks from other tools; `summary` and `formats` write results.
"""
