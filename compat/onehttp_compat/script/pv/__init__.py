"""Pseudo-variables of a message in the hands of a script: one table for each part of it.

What is in no table here, but in the catalogue, is assumed null and told; what is in neither is a
mistake of the script.
"""
