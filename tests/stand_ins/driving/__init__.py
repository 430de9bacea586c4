"""What drives the engine, used in every way."""
