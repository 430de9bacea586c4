"""Runs in Kamailio's own Python, around the user's script, with nothing but the standard library.

It is copied beside the script that the server loads. It tells ``onehttp run``, over a socket, what
the script calls and what the server answers; the HTTP modules, and what the server has not loaded,
it asks from there. Requests go to a socket of ``onehttp run``, whatever their destination.
"""
