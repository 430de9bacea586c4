"""Rewriting scripts: a legacy call becomes code that does the same on ``onehttp``, or has a note.

What the old call did silently stands in the new code: which statuses have a value, the first line
alone, the type of a form. Only what is safe is rewritten.
"""
