"""The models that make images: their networks and losses, and trained generators on disk."""

from bestseller.gans.saved import TrainedGenerator, load_generator

__all__ = ["TrainedGenerator", "load_generator"]
