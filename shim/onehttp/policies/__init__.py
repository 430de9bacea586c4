"""The policies: redirects, retries, failover, limits and the circuit breaker."""
