"""Runs scripts inside the real server, with its variables and transactions, through ``KSR``.

A script needs ``KSR = setup(KSR)`` at its top, and `Script` as the base class of its object.
"""

from onehttp_compat.kamailio.script import Script
from onehttp_compat.kamailio.setup import setup

__all__ = ["Script", "setup"]
