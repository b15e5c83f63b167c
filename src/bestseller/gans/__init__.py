"""The GANs, the centroid constraint, and the trainer that serves them all."""

from bestseller.gans.saved import TrainedGenerator, load_generator

__all__ = ["TrainedGenerator", "load_generator"]
