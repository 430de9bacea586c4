"""The syntax of pseudo-variables: ``$ru``, ``$(hdr(Via)[0])``, ``$(ru{uri.host})``.

All readers share one parser and one table of transformations: arguments of legacy functions,
``KSR.pv``, and log lines. It does not know messages or servers; `onehttp_compat.pv` keeps the
values.
"""
