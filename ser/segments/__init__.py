"""Recordings of any length: where somebody speaks, who it is, and with which emotion.

Sound passes through `stream` block by block: `voice_activity` finds speech, `cutting` divides it, the
recogniser analyses it. `turns` reads who speaks from other tools; `summary` and `formats` write results.
"""
