"""Backbones (frozen networks), their weights, and feature spaces."""

from bestseller.backbones.backbone import (
    Backbone,
    empty_feature_stack,
    feature_stack,
    load_backbone,
    numbered_layers,
    save_backbone,
)
from bestseller.backbones.space import FeatureSpace, extract, load_space
from bestseller.backbones.weights import packaged_layers

__all__ = [
    "Backbone",
    "FeatureSpace",
    "empty_feature_stack",
    "extract",
    "feature_stack",
    "load_backbone",
    "load_space",
    "numbered_layers",
    "packaged_layers",
    "save_backbone",
]
