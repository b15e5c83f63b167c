"""The centroid of the training images in feature space, and the distances of images to it."""
