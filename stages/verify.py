"""Hash every output of the pipeline anew and compare it with dvc.lock, in workspace and cache."""

from pathlib import Path

from dvc.repo import Repo

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from bestseller.tracking.lock import pipeline_stages
from bestseller.tracking.verify import find_damage
from stages import run


def main(params: Params) -> None:
    stages = pipeline_stages(Path(), params.item_names())
    damage = find_damage(stages, Path(), Path(Repo().cache.local.path))
    for entry in damage:
        print(f"{entry.stage}: {entry.output}: {entry.place}: {entry.problem}")
    if damage:
        raise BestsellerError(f"dvc.lock: {len(damage)} outputs differ from it, named above")
    count = sum(len(entry.get("outs", [])) for entry in stages.values())
    print(f"{count} outputs of {len(stages)} stages are what dvc.lock says")


if __name__ == "__main__":
    run(main)
