"""The version, in one place (pyproject.toml reads it)."""

VERSION = "0.1.0"
USER_AGENT = f"onehttp/{VERSION}"
