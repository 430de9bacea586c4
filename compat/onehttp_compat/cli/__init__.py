"""Commands of ``onehttp`` that need the legacy modules; the shim finds them by entry point."""
