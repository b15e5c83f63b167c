"""One self-contained page: the ranked designs, what speaks for them, and what does not."""
