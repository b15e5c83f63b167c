"""A training's curves and samples while it runs, for whoever looks on.

They lie outside DVC's outputs, and a process of its own takes them to MLflow, so that no server can
hold up a training. Nothing is ever read back: it ends with the same bytes, followed or not.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from bestseller.base.files import atomic_path

FOLDER = Path(".scratch") / "live"  # in the main workspace: a folder for each item, in it one a key
CURVES = "curves.csv"  # so far; byte for byte the published ones once the training has ended well
SAMPLES = "samples.png"
SWITCH = "BESTSELLER_LIVE"  # environment variable; 0 = trainings are not followed
SAMPLES_S = 15.0  # seconds between two pictures of samples, which take longer than a line of text


class Live:
    """What one training tells, and the process that takes it to MLflow.

    Args:
        folder: where the files are written, this training's alone.
        stage: name of the stage, such as ``train@dcgan-plain-0``.
        followed: False for all but one of several processes.
    """

    def __init__(self, folder: Path, stage: str, *, followed: bool = True) -> None:
        self.folder, self.stage, self._drawn = folder, stage, float("-inf")
        self._followed = followed and os.environ.get(SWITCH) != "0"
        self._follower: subprocess.Popen[Any] | None = None

    def tell(self, curves: pd.DataFrame, draw: Callable[[], Image.Image]) -> None:
        """Write the curves so far, and now and then a picture of samples.

        Args:
            curves: a row per epoch, all of them so far.
            draw: draws the samples; called only when their time has come.
        """
        if not self._followed or (self._follower and self._follower.poll() is not None):
            return  # nobody looks on, such as where no server answers
        with suppress(OSError):  # a full disk will be told by what matters
            with atomic_path(self.folder / CURVES, durable=False) as temporary:
                curves.to_csv(temporary, index=False, float_format="%.6g")
            if time.monotonic() - self._drawn >= SAMPLES_S:
                with atomic_path(self.folder / SAMPLES, durable=False) as temporary:
                    draw().save(temporary, compress_level=1)
                self._drawn = time.monotonic()
            if self._follower is None:
                self._follower = self._start()

    def _start(self) -> subprocess.Popen[Any]:
        """Start the follower, with a pipe that ends when this process does, however it ends."""
        return subprocess.Popen(
            [sys.executable, "-m", "bestseller.tracking.follower", str(self.folder), self.stage],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # it must not hold up who reads this process to the end
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self, curves: Path) -> None:
        """Say that the training has ended well, with these published curves; nobody waits."""
        with suppress(OSError):
            if self._followed and self.folder.exists():
                with atomic_path(self.folder / CURVES, durable=False) as temporary:
                    shutil.copyfile(curves, temporary)
            if self._follower and self._follower.stdin:
                self._follower.stdin.write(b"FINISHED")
                self._follower.stdin.close()
