"""What tests of code on top of onehttp need beside the httpx double.

Imports the shim only. `FakeTransactionLayer` stands for the SIP server around a script.
"""

from onehttp.testing.clock import ManualClock
from onehttp.testing.transactions import (
    DEFAULT_FINAL_TIMER_S,
    FakeTransaction,
    FakeTransactionLayer,
    TransactionState,
)

__all__ = [
    "DEFAULT_FINAL_TIMER_S",
    "FakeTransaction",
    "FakeTransactionLayer",
    "ManualClock",
    "TransactionState",
]
