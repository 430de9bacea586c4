"""What somebody is told whose name, or whose package, there is not."""
