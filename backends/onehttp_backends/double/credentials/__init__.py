"""Who a request is from: schemes, challenges, and the answers to them."""
