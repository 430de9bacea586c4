"""Rewrites scripts: a legacy call becomes code that does the same with ``onehttp``, or gets a note.

The new code shows what the old call did implicitly: which statuses give a value, that only the
first line counts, the content type of a form. Only safe rewrites are made.
"""
