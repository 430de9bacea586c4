"""Who a call is from: credentials of one call, and tokens that run out."""
