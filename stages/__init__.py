"""One short script per DVC stage, run as ``python -m stages.<name>`` from the repository's root.

Importing this package puts this checkout's ``src`` first on the path, so that a stage inside a
temporary DVC experiment runs the experiment's code and not the main workspace's.
"""

import argparse
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.params import Params, load_params

if "DVC_STAGE" in os.environ:  # Ctrl-C during the imports, which take seconds, is no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# The main workspace, also inside a temporary experiment: caches, weights and checkpoints lie there.
WORKSPACE = Path(os.environ.get("DVC_ROOT", "."))
FEATURES = WORKSPACE / ".scratch" / "features"  # of real images, by content
TIMES = Path(".scratch") / "times"  # of each stage's last run

# The arguments of a stage that dvc.yaml runs for each item of the matrix.
ITEM = (("item", "what is trained: <gan>-<constraint>-<seed>, such as dcgan-plain-0"),)


def run(
    main: Callable[..., None],
    arguments: Sequence[tuple[str, str]] = (),
    *,
    argv: Sequence[str] | None = None,
) -> None:
    """Parse the command line, load params.yaml, call ``main(params, **arguments)``.

    Args:
        main: the stage; the docstring of its module is the help text.
        arguments: as (name, help) pairs, passed as text by keyword; a name that begins with -- is
            that of an option, None where it is not given.
        argv: the command line, for tests.

    A BestsellerError is printed as one line on stderr and ends the process with status 1, Ctrl-C
    with 130.
    """
    module = sys.modules[main.__module__]
    name = Path(module.__file__ or "stage").stem
    parser = argparse.ArgumentParser(f"python -m stages.{name}", description=module.__doc__)
    for argument, help_text in arguments:
        parser.add_argument(argument, help=help_text)
    given = vars(parser.parse_args(argv))
    _end_with_parent()
    if "DVC_STAGE" in os.environ:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.time()
    try:
        params: Params = load_params()
        with threadpool_limits(params.threads):
            main(params, **given)
    except BestsellerError as error:
        print(f"{name}: {error}{_way_back()}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(f"{name}: stopped{_way_back()}", file=sys.stderr)
        raise SystemExit(130) from None
    _note_time(begun)


def _way_back() -> str:
    """Say how the outputs come back that DVC takes away before it runs a stage."""
    removed = os.environ.get("DVC_STAGE", "check") != "check"
    return "; `make restore` brings the last outputs back" if removed else ""


def _note_time(begun: float) -> None:
    """Note when the stage that DVC runs here began and how long it took, in seconds."""
    if stage := os.environ.get("DVC_STAGE"):
        for folder in {Path(), WORKSPACE}:
            took = {"begun": begun, "seconds": time.time() - begun}
            write_json(folder / TIMES / f"{stage.rpartition(':')[2]}.json", took)


def _end_with_parent() -> None:
    """Ask Linux to stop this process when DVC dies: DVC leaves its stages running otherwise."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
