"""Models against each other and against references, with plots."""
