"""The arms of a comparison: each in a process of its own, timed in turn.

A process has one allocator. A plain step timed beside ours would live on memory that ours keeps
(the public DCGAN example: 94 images a second instead of 65), and once told by `mallopt` to hand
memory back it no longer has glibc's growing threshold, which it has at home (45 instead of 65).
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from threadpoolctl import threadpool_limits

from bestseller.base.compute import device
from bestseller.base.memory import keep_freed_memory

Step = Callable[[], object]
Clock = Callable[[], float]
WALL, CPU = time.perf_counter, time.process_time
WARM_UP = 3  # first steps of an arm: memory is taken, kernels are chosen


@dataclass(frozen=True)
class Arm:
    """How to make a step, importable, and whether its process keeps freed memory as ours do."""

    make: Callable[[], Step]
    keep: bool


def alternate(
    arms: dict[str, Arm], *, threads: int, rounds: int, repeats: int = 3, clock: Clock = WALL
) -> dict[str, list[float]]:
    """Return the seconds of a step by arm and round, each the mean of `repeats` steps in a row.

    Args:
        threads: of each arm.
        clock: what is read before and after: WALL, or CPU for the seconds of all threads.
    """
    spawn = multiprocessing.get_context("spawn")
    workers = {}
    for name, arm in arms.items():
        here, there = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(there, arm, threads, clock), daemon=True)
        process.start()
        there.close()  # so that a dead worker ends our wait
        workers[name] = (process, here)
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for repetitions in (WARM_UP, *[repeats] * rounds):
        for name, (_, connection) in workers.items():
            connection.send(repetitions)
            seconds[name].append(connection.recv())
    for process, connection in workers.values():
        connection.send(0)
        process.join()
    return {name: found[1:] for name, found in seconds.items()}


def _serve(connection: Connection, arm: Arm, threads: int, clock: Clock) -> None:
    """Time as many steps as asked until none are."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if arm.keep:
        keep_freed_memory()
    with threadpool_limits(threads, "blas"):
        step = arm.make()
        while repeats := connection.recv():
            step()  # the others have emptied the caches
            connection.send(timed(step, repeats, clock))


def timed(step: Step, repeats: int, clock: Clock = WALL) -> float:
    """Return the seconds of one step, the mean over `repeats`."""
    synchronise()
    start = clock()
    for _ in range(repeats):
        step()
    synchronise()
    return (clock() - start) / repeats


def synchronise() -> None:
    """Wait until the device has done what it was asked."""
    if device().type == "cuda":
        torch.cuda.synchronize()


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return the median by arm."""
    return {name: statistics.median(found) for name, found in seconds.items()}
