"""The servers that clients are probed against; they keep count of what came."""
