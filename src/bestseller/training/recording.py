"""Training steps that are recorded once as a CUDA graph and then replayed.

A step of a small network launches some hundred kernels, and most of them end before the CPU has
launched the next one. The replay of a graph launches all of them at once. A graph computes with the
very tensors that it was recorded with. So whatever differs from step to step is copied into these:
the batch, its random numbers, the learning rate (`Trainer`) and the share of a fade (`pggan`).
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from bestseller.gans.batch import Batch, RandomGenerator
from bestseller.gans.gan import Stats

# Steps of a kind before one is recorded: cuDNN chooses its kernels, the optimizers make their
# moments, the libraries take their memory.
WARM_UP = 3

Asked = tuple[str, tuple[int, ...]]  # a method of RandomGenerator and its arguments
Replay = Callable[[], Stats]


class ListedNumbers(RandomGenerator):
    """Random numbers of one step; `asked` lists what the step asks for."""

    def __init__(self, random: RandomGenerator) -> None:
        super().__init__(random.generator, random.group)
        self.asked: list[Asked] = []

    def uniform(self, n: int, *shape: int) -> Tensor:
        self.asked.append(("uniform", (n, *shape)))
        return super().uniform(n, *shape)

    def integers(self, low: int, high: int, n: int) -> Tensor:
        self.asked.append(("integers", (low, high, n)))
        return super().integers(low, high, n)


class KeptNumbers(RandomGenerator):
    """Random numbers in tensors of the device that stay in place.

    A step asks for the same numbers in the same order each time. So they are drawn before it, and
    those of a kind are copied to the device together.
    """

    def __init__(self, random: RandomGenerator, asked: list[Asked], device: torch.device) -> None:
        super().__init__(random.generator, random.group)
        self.asked = asked
        self.together = {kind: values.to(device) for kind, values in self._drawn(random).items()}
        rest, self.numbers = dict(self.together), []
        for kind, arguments in asked:
            like = getattr(random, kind)(*arguments)
            part, rest[kind] = rest[kind].tensor_split([like.numel()])
            self.numbers.append(part.view_as(like))
        self.ready: Iterator[Tensor] = iter(self.numbers)

    def renew(self, random: RandomGenerator) -> None:
        """Draw the numbers of a step; the step then gets them one after another."""
        for kind, values in self._drawn(random).items():
            self.together[kind].copy_(values, non_blocking=True)
        self.ready = iter(self.numbers)

    def _drawn(self, random: RandomGenerator) -> dict[str, Tensor]:
        """Draw what is asked for, in its order; return the numbers of each kind in a row."""
        found: dict[str, list[Tensor]] = {}
        for kind, arguments in self.asked:
            found.setdefault(kind, []).append(getattr(random, kind)(*arguments).flatten())
        return {kind: torch.cat(numbers) for kind, numbers in found.items()}

    def uniform(self, n: int, *shape: int) -> Tensor:
        del n, shape
        return next(self.ready)

    def integers(self, low: int, high: int, n: int) -> Tensor:
        del low, high, n
        return next(self.ready)


def cuda_graph(step: Callable[[], Stats]) -> Replay:
    """Record a step without running it; return what runs it and gives its values."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        stats = step()

    def replay() -> Stats:
        graph.replay()
        return stats

    return replay


@dataclass
class Recorded:
    """A recorded step and the tensors that it reads."""

    batch: Batch
    numbers: KeptNumbers
    replay: Replay

    def run(self, batch: Batch) -> Stats:
        self.numbers.renew(batch.random)
        for name in TENSORS:
            if (kept := getattr(self.batch, name)) is not None:
                kept.copy_(getattr(batch, name), non_blocking=True)
        return self.replay()


# of a batch; `rows` are for the CPU
TENSORS = [f.name for f in fields(Batch) if f.name not in ("rows", "random")]


class Recorder:
    """Runs the steps of a training. After a few of a kind it records one, then replays it.

    Args:
        step: runs a step on a batch; returns values to record.
        device: of the training.
        capture: makes a replay of a step, see `cuda_graph`.
    """

    def __init__(
        self,
        step: Callable[[Batch], Stats],
        device: torch.device,
        capture: Callable[[Callable[[], Stats]], Replay] = cuda_graph,
    ) -> None:
        self.step, self.device, self.capture = step, device, capture
        self.seen: dict[Hashable, int] = {}
        self.recorded: dict[Hashable, Recorded] = {}

    def forget(self) -> None:
        """Drop what was recorded: the networks or their optimizers have changed."""
        self.seen.clear()
        self.recorded.clear()

    def run(self, kind: Hashable, batch: Batch) -> Stats:
        """Run a step. Steps of one kind do the same computations on other values."""
        if kind in self.recorded:
            return self.recorded[kind].run(batch)
        self.seen[kind] = self.seen.get(kind, 0) + 1
        listed = ListedNumbers(batch.random)
        stats = self._aside(replace(batch, random=listed))
        if self.seen[kind] == WARM_UP:
            self.recorded[kind] = self._record(batch, listed.asked)
        return stats

    def _aside(self, batch: Batch) -> Stats:
        """Run a step on a stream of its own, as PyTorch asks for before a recording."""
        if self.device.type != "cuda":
            return self.step(batch)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            stats = self.step(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return stats

    def _record(self, batch: Batch, asked: list[Asked]) -> Recorded:
        others = RandomGenerator(torch.Generator(), batch.random.group)  # no step uses them
        numbers = KeptNumbers(others, asked, self.device)
        kept = {name: getattr(batch, name) for name in TENSORS}
        kept = {name: value.clone() for name, value in kept.items() if value is not None}
        own = replace(batch, random=numbers, **kept)
        return Recorded(own, numbers, self.capture(lambda: self.step(own)))
