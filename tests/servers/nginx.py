"""Debian's nginx, on settings of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import trustme

from servers.ports import free_port
from servers.proxies import running

_SETTINGS = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""
_RESUMING = """
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
        ssl_protocols {version}; ssl_session_cache shared:sessions:1m; ssl_session_tickets on;
        ssl_client_certificate {folder}/ca.pem; ssl_verify_client on;
        location / {{ return 200 "$ssl_client_s_dn|$ssl_session_reused"; }}
    }}
"""


_PER_CONNECTION = """
    server {{
        listen 127.0.0.1:{port} ssl http2; keepalive_requests {requests};
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
        access_log {folder}/access.log combined buffer=1m;
        location / {{ return 200 ok; }}
    }}
"""
_BY_UNIX_SOCKET = """
    server {{
        listen 127.0.0.1:{port}; listen unix:{folder}/plain;
        listen unix:{folder}/tls ssl http2;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
        location / {{ return 200 "$scheme $host $request_uri $server_port$connection_requests"; }}
        location /near {{ return 302 /landed; }}
        location /far {{ return 302 http://127.0.0.1:{port}/landed; }}
        location /file {{ root {folder}; }}
    }}
"""
_LARGE = """
    server {{
        listen 127.0.0.1:{port} ssl http2; sendfile on;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
        location / {{ root {folder}; }}
        location /connection {{ return 200 "$connection"; }}
    }}
"""


@contextlib.contextmanager
def giving_large_files(authority: trustme.CA, folder: Path) -> Iterator[str]:
    """Gives the files of ``folder`` over HTTP/2, and tells the number of a connection; its URL."""
    port = free_port()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    settings = folder / "nginx.conf"
    http = _LARGE.format(folder=folder, port=port)
    settings.write_text(_SETTINGS.format(folder=folder, http=http))
    with running(["nginx", "-c", str(settings), "-p", str(folder)], port):
        yield f"https://127.0.0.1:{port}"


class BySocket(NamedTuple):
    """An nginx on sockets of the file system, by HTTP and by TLS for the host ``app.invalid``."""

    plain: Path
    tls: Path
    file: Path
    """What ``/file`` is: to be written."""
    url: str
    """Where it listens as well."""


@contextlib.contextmanager
def by_unix_socket(authority: trustme.CA, folder: Path) -> Iterator[BySocket]:
    """Tells each client scheme, host, path and how many requests the connection has carried."""
    port = free_port()
    issued = authority.issue_cert("app.invalid")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    settings = folder / "nginx.conf"
    http = _BY_UNIX_SOCKET.format(folder=folder, port=port)
    settings.write_text(_SETTINGS.format(folder=folder, http=http))
    with running(["nginx", "-c", str(settings), "-p", str(folder)], port):
        url = f"http://127.0.0.1:{port}"
        yield BySocket(folder / "plain", folder / "tls", folder / "file", url)


class Answered(NamedTuple):
    """Where an nginx listens, and where it says what it has answered once it has ended."""

    url: str
    log: Path


@contextlib.contextmanager
def limited_per_connection(
    authority: trustme.CA, folder: Path, requests: int
) -> Iterator[Answered]:
    """Takes so many requests on a connection, and sends GOAWAY then."""
    port = free_port()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    http = _PER_CONNECTION.format(folder=folder, port=port, requests=requests)
    settings = folder / "nginx.conf"
    settings.write_text(_SETTINGS.format(folder=folder, http=http))
    with running(["nginx", "-c", str(settings), "-p", str(folder)], port):
        yield Answered(f"https://127.0.0.1:{port}", folder / "access.log")


@contextlib.contextmanager
def resuming(authority: trustme.CA, folder: Path, version: str) -> Iterator[str]:
    """Tells each client its name, and ``r`` if its session was resumed; yields the URL."""
    port = free_port()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    http = _RESUMING.format(folder=folder, port=port, version=version)
    settings = folder / "nginx.conf"
    settings.write_text(_SETTINGS.format(folder=folder, http=http))
    with running(["nginx", "-c", str(settings), "-p", str(folder)], port):
        yield f"https://127.0.0.1:{port}/"
