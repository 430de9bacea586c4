"""The keys of a connections file, their types and their documentation."""
