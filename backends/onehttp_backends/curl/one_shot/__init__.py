"""Transfers beside the engine: on a multi of their own, which takes its connections along."""

from onehttp_backends.curl.one_shot.performing import (
    OneShotCounts,
    perform_one_shot,
)

__all__ = ["OneShotCounts", "perform_one_shot"]
