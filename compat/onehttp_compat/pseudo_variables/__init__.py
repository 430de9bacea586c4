"""Pseudo-variables as they are written: ``$ru``, ``$(hdr(Via)[0])``, ``$(ru{uri.host})``.

One parser and one table of transformations for all who read them: arguments of legacy functions,
``KSR.pv``, log lines. Knows nothing of messages or servers; `onehttp_compat.pv` keeps the values.
"""
