"""The emulated modules: one file or folder each, which depends on its process only.

A new module needs a file or folder here, its functions in `onehttp_compat.registry`, its parameters
in `onehttp_compat.parameters`, one line in `onehttp_compat.server`, and a file of its name next to
that, from which users import its functions.
"""
