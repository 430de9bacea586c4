"""Queries that must not be lost: stored before `submit` returns, sent by workers, at least once.

It may import the modules that prepare calls. The function that makes the calls of a worker is an
argument of `Worker`.
"""
