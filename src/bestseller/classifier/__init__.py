"""The best-seller classifier: its training, its calibration, its similarity."""
