"""Where a replay differs on purpose: rules, and what is expected instead of the recording."""
