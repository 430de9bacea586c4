"""Bodies that pass piece by piece: the double's part of `optional.streaming`."""
