"""What tests of code on top of onehttp need beside the httpx double.

Imports the shim only. `FakeTransactionLayer` stands for the SIP server around a script.
"""

from onehttp.queries.transaction_layer import DEFAULT_FINAL_TIMER_S, TransactionState
from onehttp.queries.transaction_layer import EmulatedTransaction as FakeTransaction
from onehttp.queries.transaction_layer import TransactionLayer as FakeTransactionLayer
from onehttp.testing.clock import ManualClock

__all__ = [
    "DEFAULT_FINAL_TIMER_S",
    "FakeTransaction",
    "FakeTransactionLayer",
    "ManualClock",
    "TransactionState",
]
