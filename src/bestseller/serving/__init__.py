"""Trained models as MLflow models, which `mlflow models serve` answers requests with."""
