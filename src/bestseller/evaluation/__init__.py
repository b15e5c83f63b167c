"""What is measured on the images of one model."""
