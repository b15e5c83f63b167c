"""Make an earlier model the champion again: the one before, or that of a commit or a name."""

import sys
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from bestseller.retraining.champion import POINTER, find, put_back
from bestseller.retraining.journal import RunStore
from bestseller.retraining.repository import Repository
from bestseller.retraining.run import DESK
from stages import run
from stages.retrain import publish

WANTED = "a model's name, or a commit: the champion as of it; empty = the one before today's"


def main(params: Params, wanted: str) -> None:
    desk, repository = RunStore(Path(DESK)), Repository(Path.cwd())
    with desk.alone():
        if journal := desk.read():
            raise BestsellerError(f"{journal.run}: is not finished; `make retrain` finishes it")
        repository.check([POINTER])
        repository.restore([POINTER])  # what a rollback left that was killed
        champion = put_back(repository, find(repository, wanted))
    print(f"{champion.model}, promoted by {champion.run}, is the champion again")
    try:
        publish()
    except BestsellerError as error:
        print(f"rollback: warning: {error}", file=sys.stderr)


if __name__ == "__main__":
    given = sys.argv[1:]
    run(main, [("wanted", WANTED)], argv=given or [""])
