"""One short script per DVC stage, run as ``python -m stages.<name>`` from the repository's root.

Importing this package puts this checkout's ``src`` first on the path, so that a stage inside a
temporary DVC experiment runs the experiment's code and not the main workspace's.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from bestseller.base.processes import end_with_dvc

# Before the imports, which take seconds: a stage must not outlive its DVC, and Ctrl-C is no
# traceback.
if any(argument.startswith("stages.") for argument in sys.orig_argv):
    end_with_dvc()
if "DVC_STAGE" in os.environ:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from threadpoolctl import threadpool_limits

from bestseller.base import engine, lease, lockfile
from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.base.files import guard_renames, sweep, write_json
from bestseller.params import Params, load_params

# The main workspace, also inside a temporary experiment: caches, weights and checkpoints lie there.
WORKSPACE = Path(os.environ.get("DVC_ROOT", "."))
FEATURES = WORKSPACE / ".scratch" / "features"  # of real images, by content
ERRORS = Path(".scratch") / "errors"  # tracebacks
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
    with 130. So is whatever else goes wrong, be it for want of memory or disk or by a defect; its
    traceback goes into a file that the line names.
    """
    module = sys.modules[main.__module__]
    name = Path(module.__file__ or "stage").stem
    parser = argparse.ArgumentParser(f"python -m stages.{name}", description=module.__doc__)
    for argument, help_text in arguments:
        parser.add_argument(argument, help=help_text)
    given = vars(parser.parse_args(argv))
    if "DVC_STAGE" in os.environ:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.time()
    try:
        _begin()
        params: Params = load_params()
        engine.configure(params.engine)
        with threadpool_limits(params.threads):
            main(params, **given)
        _note_time(begun)
    except BestsellerError as error:
        _end(name, str(error))
    except KeyboardInterrupt:
        _end(name, "stopped", 130)
    except Exception as error:
        _end(name, _told(name, error))


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


def _begin() -> None:
    """Clear away what killed stages left; as a stage of DVC's, keep its lock and take our own."""
    for folder in ("data", "metrics"):
        sweep(Path(folder), deep=True)
    sweep(Path())
    if stage := os.environ.get("DVC_STAGE"):
        lockfile.keep(Path())
        guard_renames(lease.take(Path(), stage).held)


def _end(name: str, problem: str, status: int = 1) -> NoReturn:
    print(f"{name}: {problem}{_way_back()}", file=sys.stderr)
    raise SystemExit(status)


def _told(name: str, error: Exception) -> str:
    """Return the line for an error that no code has foreseen, and log its traceback."""
    log = ERRORS / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        where = f"the traceback is in {log}"
    except OSError as full:
        where = f"the traceback could not be kept ({full.strerror})"
    if lack := out_of_means(error):
        return f"{lack[0]}; {lack[1]}; {where}"
    first = next(iter(str(error).strip().splitlines()), "")[:300]
    return (
        f"{type(error).__name__}{f': {first}' if first else ''}; run it again, and if it fails "
        f"again send this line and the log: {where}"
    )
