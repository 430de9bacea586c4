"""One HTTP engine per process."""
