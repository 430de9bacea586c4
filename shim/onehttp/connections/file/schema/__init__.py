"""What a connections file may say: its keys, their types and their documentation."""
