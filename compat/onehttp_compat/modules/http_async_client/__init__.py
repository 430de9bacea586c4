"""Module ``http_async_client``, with the functions that only its first revisions (``async_http``)
had."""
