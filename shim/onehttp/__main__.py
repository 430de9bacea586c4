"""``python -m onehttp`` is the command ``onehttp``."""

from onehttp.cli import main

main()
