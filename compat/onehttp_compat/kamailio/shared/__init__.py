"""What all processes of the real server have together: memory that was made before it forked."""
