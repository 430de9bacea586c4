"""Named connections of the modules ``curl`` and ``http_client``: ``curlcon`` and ``httpcon``."""
