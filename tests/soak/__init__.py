"""Everything at once for minutes, and the accounts must add up."""
