"""Frozen feature extractors, and where their weights come from."""

from bestseller.backbones.backbone import (
    Backbone,
    empty_feature_stack,
    feature_stack,
    load_backbone,
    save_backbone,
)

__all__ = ["Backbone", "empty_feature_stack", "feature_stack", "load_backbone", "save_backbone"]
