"""Frozen feature extractors, and where their weights come from."""

from bestseller.backbones.backbone import (
    Backbone,
    empty_feature_stack,
    feature_stack,
    load_backbone,
    numbered_layers,
    save_backbone,
)
from bestseller.backbones.space import FeatureSpace, extract, load_space

__all__ = [
    "Backbone",
    "FeatureSpace",
    "empty_feature_stack",
    "extract",
    "feature_stack",
    "load_backbone",
    "load_space",
    "numbered_layers",
    "save_backbone",
]
