"""Inside the real server: its variables and its transactions, through ``KSR``.

``KSR = setup(KSR)`` at the top of a script, and `Script` as the base of its object.
"""

from onehttp_compat.kamailio.script import Script
from onehttp_compat.kamailio.setup import setup

__all__ = ["Script", "setup"]
