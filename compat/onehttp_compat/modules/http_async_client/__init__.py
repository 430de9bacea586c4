"""Module ``http_async_client``, and what its first revisions (``async_http``) had beside it."""
