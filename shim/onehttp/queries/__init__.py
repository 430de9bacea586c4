"""Queries: requests whose responses go to a route, and to the transaction that waits for them.

`scheduler.py` takes a query from `submit` to its end, `query.py` holds its states in one table,
`open_queries.py` the queries that have not ended, and `transaction.py` is the interface of objects
that can be suspended. Nothing here knows about SIP.
"""
