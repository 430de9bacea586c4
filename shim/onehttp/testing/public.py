"""The names of `onehttp.testing`."""

from onehttp.queries.transaction_layer import DEFAULT_FINAL_TIMER_S, TransactionState
from onehttp.queries.transaction_layer import EmulatedTransaction as FakeTransaction
from onehttp.queries.transaction_layer import TransactionLayer as FakeTransactionLayer
from onehttp.testing.calls import Call, SeenRequest
from onehttp.testing.cassette import CassetteError
from onehttp.testing.clock import ManualClock
from onehttp.testing.double import Double
from onehttp.testing.policy_clock import PolicyClock
from onehttp.testing.recording import Recorder
from onehttp.testing.route import Route
from onehttp_backends.hints.keywords import explain_classes

__all__ = [
    "DEFAULT_FINAL_TIMER_S",
    "Call",
    "CassetteError",
    "Double",
    "FakeTransaction",
    "FakeTransactionLayer",
    "ManualClock",
    "PolicyClock",
    "Recorder",
    "Route",
    "SeenRequest",
    "TransactionState",
]

explain_classes(globals(), __all__)
