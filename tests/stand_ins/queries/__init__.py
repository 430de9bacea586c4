"""What stands around a query: workers by hand, told clocks, and accounts of what became of it."""
