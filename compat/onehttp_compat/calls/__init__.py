"""One legacy call as those see it who watch or warn: plain values, and how each caller is found."""
