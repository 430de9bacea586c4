"""Memory that all processes of the real server share. It is made before the server forks."""
