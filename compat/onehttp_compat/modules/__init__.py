"""What each emulated module does: a file or folder for each, which knows its process only.

A new module is a file or folder here, its functions in `onehttp_compat.registry`, its parameters in
`onehttp_compat.parameters`, one line in `onehttp_compat.server`, and a file of its name beside that
for those who import its functions.
"""
