"""The pseudo-variables of a message in a script, with one table for each part of the message.

A variable that is in no table but in the catalogue is assumed to be null, and reported. A variable
that is in neither is an error of the script.
"""
