"""Queries: requests whose responses go to a route, and to the transaction that waits for them.

`scheduler` takes a query from `submit` to its end, `query` holds its states in one table, and
`transaction` is the interface to whatever can be suspended. Nothing here knows about SIP.
"""
