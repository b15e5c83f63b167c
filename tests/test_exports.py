"""What the packages offer to people, and what an import of them costs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bestseller.metrics
import bestseller.preference
from bestseller.backbones import Backbone
from bestseller.backbones.networks import empty_network
from bestseller.metrics import (
    frechet_distance,
    frechet_distance_from_features,
    kid,
    lpips_diversity,
    mind,
    precision_recall_density_coverage,
)
from conftest import REPOSITORY


def test_the_metrics_package_offers_functions() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(80, 3)), rng.normal((2.0, 0.0, 0.0), size=(90, 3))
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    by_moments = frechet_distance(mean_a, covariances[0], mean_b, covariances[1])
    assert frechet_distance_from_features(a, b) == pytest.approx(by_moments, rel=1e-6)
    assert kid(a, b).value > 10 * abs(kid(a[:40], a[40:]).value)
    assert mind(a, b).value > mind(a[:40], a[40:]).value
    found = precision_recall_density_coverage(a, a + 100.0)
    assert (found.precision, found.recall, found.coverage) == (0.0, 0.0, 0.0)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = bestseller.metrics.nothing
    with pytest.raises(AttributeError, match=r"bestseller\.preference"):
        _ = bestseller.preference.nothing


def test_lpips_is_asked_of_its_own_networks_alone() -> None:
    network = empty_network("resnet18").to_empty(device="cpu")
    images = np.zeros((3, 32, 32, 3), np.uint8)
    with pytest.raises(ValueError, match="gives no LPIPS; published are those of"):
        lpips_diversity(Backbone("resnet18", "imagenet", network), images)


@pytest.mark.parametrize(
    "module", ["stages.report", "stages.refresh", "stages.sales", "stages.preprocess"]
)
def test_a_stage_without_networks_does_not_wait_for_pytorch(module: str) -> None:
    program = f"import sys, {module}; print(sorted({{'torch', 'torchvision'}} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(REPOSITORY))
    assert done.stdout.strip() == "[]"
