"""What trains a model: the trainer, its batches, the centroid constraint, checkpoints."""
