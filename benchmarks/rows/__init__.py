"""What `make bench` measures, one file for each kind of call."""
