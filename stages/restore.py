"""Bring back every output that dvc.lock names, data and metrics, from DVC's cache and git.

DVC takes the outputs of a stage away before the stage runs, so one that fails or is stopped has
none.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from dvc.repo import Repo

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path
from bestseller.base.lockfile import cached_object
from bestseller.params import Params
from bestseller.retraining.repository import DVC
from bestseller.tracking.lock import pipeline_stages
from bestseller.tracking.verify import dvc_md5
from stages import run


def main(params: Params) -> None:
    """Bring back what is missing or differs; name what is neither in the cache nor in git."""
    outs = {
        out["path"]: str(out["md5"])
        for entry in pipeline_stages(Path(), params.item_names()).values()
        for out in entry.get("outs", [])
    }
    # what DVC lacks, it says at length; it is looked for below
    subprocess.run([*DVC, "checkout", "--force", "--quiet"], capture_output=True, check=False)
    cache = Path(Repo().cache.local.path)
    lost = [
        path
        for path, digest in outs.items()
        if not _is_there(Path(path), digest) and not _brought_back(Path(path), digest, cache)
    ]
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise BestsellerError(
            f"{', '.join(lost[:3])}{more}: not in DVC's cache; `make pull-runs` brings them "
            "where there is a remote, `dvc repro` makes them anew"
        )
    print(f"{len(outs)} outputs are what dvc.lock says")


def _is_there(path: Path, digest: str) -> bool:
    return path.exists() and dvc_md5(path) == digest


def _brought_back(path: Path, digest: str, cache: Path) -> bool:
    """Bring back a file that DVC leaves to git; tell whether its bytes were still to be had."""
    kept = cached_object(cache, digest)
    if digest.endswith(".dir"):
        return False
    if kept.exists():
        with atomic_path(path) as temporary:
            shutil.copyfile(kept, temporary)
        return True
    shown = ["git", "show", f"HEAD:./{path.as_posix()}"]
    content = subprocess.run(shown, capture_output=True, check=False).stdout
    if hashlib.md5(content).hexdigest() != digest:
        return False
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return True


if __name__ == "__main__":
    run(main)
