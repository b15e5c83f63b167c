"""Check every setting, before DVC takes away an output for a stage that would refuse to run.

All other stages come after this one. It writes the same bytes every time, so it reruns no other
stage. It also removes the outputs of models that are no longer in the matrix, if DVC's cache has
them: other stages depend on the folders of these outputs, and with them there the run cache would
not bring back earlier settings.
"""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from bestseller.backbones.networks import architecture
from bestseller.backbones.weights import in_package
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, remove
from bestseller.base.lockfile import LOCK_FILE, left_over
from bestseller.params import PARAMS_FILE, Params, read_yaml
from bestseller.params.bare import bare_values
from stages import run

CHECKED = "data/checked.txt"
LOCK = Path(LOCK_FILE)


def main(params: Params) -> None:
    """Check what `load_params` has not, as far as that takes no data."""
    for line in bare_values(PARAMS_FILE):  # DVC itself would not have come so far
        print(f"check: warning: {line}", file=sys.stderr)
    _networks(params)
    _batches(params)
    augment = params.augment
    if augment.share and not any(
        (augment.flip, augment.zoom, augment.brightness, augment.channel_shift)
    ):
        raise BestsellerError(
            f"{PARAMS_FILE}: augment.share: {augment.share} but flip, zoom, brightness and "
            "channel_shift are all off; switch one on or set share: 0"
        )
    if LOCK.exists():
        stages = read_yaml(LOCK).get("stages") or {}
        tidy(stages, params.item_names(), Path(Repo().cache.local.path))
    with atomic_path(CHECKED) as temporary:
        temporary.write_text(f"The settings of {PARAMS_FILE} are valid.\n", encoding="utf-8")


def tidy(stages: Mapping[str, Any], items: Collection[str], cache: Path) -> list[str]:
    """Remove outputs of matrix items that are no more; see `left_over`, whose paths it returns."""
    gone = left_over(stages, Path(), items, cache)
    for path in gone:
        remove(Path(path))
    return gone


def _networks(params: Params) -> None:
    """Refuse a network that is unknown or has no weights under these settings."""
    backbones = params.backbones
    named = {f"metric_spaces.{i}": s.network for i, s in enumerate(backbones.metric_spaces)}
    named |= {"score_space": backbones.score_space.network, "perceptual": backbones.perceptual}
    keys = {f"backbones.{key}": network for key, network in named.items()}
    for key, network in (keys | {"centroid.backbone": params.centroid.backbone}).items():
        try:
            architecture(network)
        except BestsellerError as error:
            raise BestsellerError(f"{PARAMS_FILE}: {key}: {error}") from error
        if backbones.weights == "package" and not in_package(network):
            raise BestsellerError(
                f"{PARAMS_FILE}: {key}: package has no {network}; set backbones.weights: imagenet "
                "or catalogue, or name an efficientnet_lite in its place"
            )


def _batches(params: Params) -> None:
    """Refuse a batch that several processes cannot share equally."""
    train = params.train
    if train.launcher != "torchrun":
        return
    for gan in params.gan_names():
        size = getattr(train, gan).batch_size
        if size % train.processes:
            raise BestsellerError(
                f"{PARAMS_FILE}: train.{gan}.batch_size: {size} cannot be shared equally by "
                f"{train.processes} processes; change it or train.processes"
            )


if __name__ == "__main__":
    run(main)
