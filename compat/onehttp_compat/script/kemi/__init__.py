"""``KSR`` of a script outside its server: one file a group of modules, named after what they do.

A function's result is what a routing script of the server sees; what cannot be had from the message
alone is assumed, and told.
"""
