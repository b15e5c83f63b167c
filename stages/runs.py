"""Send every run that DVC's run cache keeps, with its outputs, to the remote; or fetch them.

`dvc push --run-cache` sends the list of runs, and the outputs of the current run only. DVC keeps no
runs of some stages; their outputs are sent as they are now, and `dvc pull` fetches them.
"""

from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from stages import run


def main(params: Params, direction: str) -> None:
    if direction not in ("push", "pull"):
        raise BestsellerError(f"{direction!r} is not allowed; give push or pull")
    try:
        with Repo() as repo:
            if direction == "push":
                repo.push()  # also what the run cache does not keep, such as the crawled catalogue
            getattr(repo.stage_cache, direction)(None)
            runs = list(Path(repo.stage_cache.cache_dir).glob("*/*/*"))
            names = [(path.parent.name, path.name) for path in runs]
            for objects in repo.stage_cache.get_used_objs(names).values():
                getattr(repo.cloud, direction)(objects)
    except DvcException as error:
        raise BestsellerError(f"dvc.lock: {' '.join(str(error).split())}") from error
    print(f"{len(runs)} runs")


if __name__ == "__main__":
    run(main, [("direction", "push or pull")])
