"""The study: what published comparisons say when they are repeated over training seeds."""
