"""Runs in Kamailio's own Python around the user's script, with only the standard library.

This package is copied next to the script that the server loads. Over a socket, it reports to
``onehttp run`` what the script calls and what the server answers, and asks it for the HTTP modules
and for modules that the server has not loaded. SIP requests are sent to a socket of ``onehttp
run``, whatever their destination is.
"""
