"""A training's curves and samples while it runs, for whoever looks on.

They lie outside DVC's outputs, and a process of its own takes them to MLflow. Nothing is ever read
back: a training ends with the same bytes, followed or not.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from bestseller.base.files import atomic_path

FOLDER = Path(".scratch") / "live"  # in the main workspace: a folder for each item, in it one a key
CURVES = "curves.csv"
SAMPLES = "samples.png"
FINISHED = "finished.csv"  # the published curves; there once the training has ended well
SWITCH = "BESTSELLER_LIVE"  # environment variable; 0 = trainings are not followed
SAMPLES_S = 15.0  # seconds between two pictures of samples, which take longer than a line of text


class Live:
    """What one training tells, and the process that follows it.

    Args:
        folder: where the files are written, this training's alone.
        stage: name of the stage, such as ``train@dcgan-plain-0``.
        followed: False for all but one of several processes.
    """

    def __init__(self, folder: Path, stage: str, *, followed: bool = True) -> None:
        self.folder, self._drawn = folder, float("-inf")
        self._follower: subprocess.Popen[Any] | None = None
        if not followed or os.environ.get(SWITCH) == "0":
            return
        (folder / FINISHED).unlink(missing_ok=True)  # of the same training, when it is forced
        sources = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-m", "bestseller.tracking.follower", str(folder), stage]
        try:
            # The pipe closes when this process ends, however it ends, and the follower sees that.
            # Its output must not hold up who reads this process's output to the end.
            self._follower = subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": sources},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return

    def tell(self, curves: pd.DataFrame, draw: Callable[[], Image.Image]) -> None:
        """Write the curves so far, and now and then a picture of samples.

        Args:
            curves: a row per epoch, all of them so far.
            draw: draws the samples; called only when their time has come.
        """
        if self._follower is None or self._follower.poll() is not None:
            return  # nobody looks on, such as where no server answers
        try:
            with atomic_path(self.folder / CURVES, durable=False) as temporary:
                curves.to_csv(temporary, index=False, float_format="%.6g")
            if time.monotonic() - self._drawn >= SAMPLES_S:
                with atomic_path(self.folder / SAMPLES, durable=False) as temporary:
                    draw().save(temporary, compress_level=1)
                self._drawn = time.monotonic()
        except OSError:
            return  # a full disk will be told by what matters

    def end(self, curves: Path) -> None:
        """Say that the training has ended well, with these published curves, and let go.

        The follower has a few seconds for the last of them; nobody waits for it.
        """
        if self._follower is None:
            return
        try:
            if self.folder.exists():
                with atomic_path(self.folder / FINISHED, durable=False) as temporary:
                    shutil.copyfile(curves, temporary)
        except OSError:
            return
        finally:
            assert self._follower.stdin is not None
            self._follower.stdin.close()
