"""Projects of users, for runs of pytest of their own."""
