"""``app_python.reload``: each process of the server reads the script again as soon as it can."""
