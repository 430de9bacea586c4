"""A lookup service in front of two backends: `python -m service` in `examples` shows it at work."""
