"""Pure functions of shards, computed by processes of this machine or by a Ray cluster.

What a function gives depends on its arguments alone, and results come in the order of the shards.
So they do not depend on the engine, on the number of nodes, or on nodes that are lost half-way: Ray
runs their shards again on others. Only some shards are under way at a time, so memory is bounded.
"""

import logging
import os
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, TypeVar

from bestseller.base.errors import BestsellerError
from bestseller.base.memory import keep_freed_memory
from bestseller.base.processes import end_with_parent

Kind = Literal["local", "ray"]
Shared = TypeVar("Shared")
Shard = TypeVar("Shard")
Result = TypeVar("Result")

AHEAD = 4  # shards under way or waiting for each process, so that none of them idles
ANSWER_S = 10.0  # seconds until an address counts as silent
SOURCES = Path(__file__).parents[2]


class Engine(ABC):
    """Where functions of shards are computed."""

    def map(
        self,
        function: Callable[[Shared, Shard], Result],
        shared: Shared,
        shards: Iterable[Shard],
        *,
        threads: int = 1,
    ) -> Iterator[Result]:
        """Yield function(shared, shard) for each shard, in their order.

        Args:
            function: importable, and pure.
            shared: what all shards need.
            shards: taken as they are needed.
            threads: CPU threads of the function.
        """
        send, ahead = self._sender(function, shared, threads)
        waiting: deque[Callable[[], Any]] = deque()
        for shard in shards:
            waiting.append(send(shard))
            if len(waiting) == ahead:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()

    @abstractmethod
    def _sender(
        self, function: Callable[..., Any], shared: Any, threads: int
    ) -> tuple[Callable[[Any], Callable[[], Any]], int]:
        """Return what sends a shard and gives what waits for its result, and how many to send."""


class Processes(Engine):
    """Processes of this machine; one computes nothing that the calling process could itself."""

    def __init__(self, workers: int) -> None:
        self.workers, self._pool = workers, None
        if workers > 1:
            self._pool = ProcessPoolExecutor(
                workers, get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
            )

    def _sender(
        self, function: Callable[..., Any], shared: Any, threads: int
    ) -> tuple[Callable[[Any], Callable[[], Any]], int]:
        pool, at_once = self._pool, self.workers // threads
        if pool is None or at_once < 2:
            return lambda shard: partial(function, shared, shard), 1
        return lambda shard: pool.submit(function, shared, shard).result, AHEAD * at_once

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class RayCluster(Engine):
    """The Ray cluster at RAY_ADDRESS; without it, one on this machine, started for this process.

    Every node has the checkout at the same path, with its environment.
    """

    def __init__(self) -> None:
        try:
            import ray  # noqa: PLC0415
        except ImportError as error:
            raise BestsellerError(
                "params.yaml: engine: ray: Ray is not installed here; `pip install -r "
                "requirements-ray.txt`, or set it to local"
            ) from error
        path = [str(SOURCES), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self._ray: Any = ray
        if not ray.is_initialized():
            _check_address(os.environ.get("RAY_ADDRESS", ""))
            ray.init(
                runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(path)}},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )

    def _sender(
        self, function: Callable[..., Any], shared: Any, threads: int
    ) -> tuple[Callable[[Any], Callable[[], Any]], int]:
        task = self._ray.remote(_call).options(num_cpus=threads, max_retries=-1)
        kept = self._ray.put((function, shared))  # once to each node
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        ahead = AHEAD * max(1, cores // threads)
        return lambda shard: partial(self._get, task.remote(kept, shard)), ahead

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None  # without the worker's traceback in its text


def _check_address(address: str) -> None:
    """Raise a BestsellerError if nothing answers there; Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():  # none, auto or local
        return
    try:
        socket.create_connection((host, int(port)), ANSWER_S).close()
    except OSError as error:
        raise BestsellerError(
            f"RAY_ADDRESS={address}: no Ray cluster answers there ({error.strerror or error}); "
            "start one with `ray start --head`, or set engine: local in params.yaml"
        ) from error


_kind: Kind = "local"


def configure(kind: Kind) -> None:
    """Set the engine of this process: params.engine."""
    global _kind  # noqa: PLW0603
    _kind = kind


@contextmanager
def engine(workers: int) -> Iterator[Engine]:
    """Yield the engine of this process; if that is this machine, with `workers` processes."""
    if _kind == "ray":
        yield RayCluster()
        return
    local = Processes(workers)
    try:
        yield local
    finally:
        local.close()


def cluster() -> Engine | None:
    """Return the cluster, None without one: for what a process computes with all its threads."""
    return RayCluster() if _kind == "ray" else None


def _begin(parent: int) -> None:
    end_with_parent(parent)
    keep_freed_memory()


def _call(kept: tuple[Callable[[Any, Any], Any], Any], shard: Any) -> Any:
    function, shared = kept
    return function(shared, shard)
