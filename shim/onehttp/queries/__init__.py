"""Queries: requests whose answers go to a route, and to the transaction that waits for them.

`scheduler` is the way of a query from `submit` to its end; `query` holds its states, in one
table; `transaction` the seam to whatever can be suspended. Knows nothing of SIP.
"""
