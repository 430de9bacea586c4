"""Queries that must not be lost: stored before `submit` returns, sent by workers, at least once.

Imports what calls are made of; who makes the calls of a worker is handed in.
"""
