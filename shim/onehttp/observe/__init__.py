"""What shows a process at work, one file per tool. Nothing that makes calls imports this."""
