"""Named connections: their files, how these are read and checked, and the resulting values.

A reload begins in `onehttp.process` or, on a signal or a change of a file, in `background.py`;
`reload.py` compares old and new, and `onehttp.runtime` puts the result in force.
"""
