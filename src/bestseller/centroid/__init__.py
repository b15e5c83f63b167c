"""The catalogue's centre in feature space, and how far images lie from it."""
