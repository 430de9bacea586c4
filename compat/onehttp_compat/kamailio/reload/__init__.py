"""``app_python.reload``: each process of the server reads the script anew, when it can."""
