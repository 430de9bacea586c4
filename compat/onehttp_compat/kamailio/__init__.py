"""Inside the real server: its variables and its transactions, through ``KSR``."""
