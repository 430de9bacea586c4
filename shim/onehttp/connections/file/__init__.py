"""How a connections file is read and checked."""
