"""Answers in process that come as those of a server may: in pieces, late, or not to their end."""
