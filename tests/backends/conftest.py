"""What the tests of engines have in common."""

from stand_ins.loops import pytest_generate_tests

__all__ = ["pytest_generate_tests"]
