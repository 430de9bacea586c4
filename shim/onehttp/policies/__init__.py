"""What happens around one exchange: redirects, and in time retries, failover and limits."""
