"""The training of models: trainer, batches, centroid constraint, checkpoints, processes."""
