"""Progress of long loops: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

QUIET_INTERVAL_S = 20.0
T = TypeVar("T")


class Progress:
    """Progress of one loop: a tqdm bar on a terminal, else a line every 20 seconds and at the end.

    Args:
        name: what runs, such as ``train dcgan-plain-0``; an empty name shows no progress.
        total: number of units, None when unknown.
        unit: name of one unit, such as ``img``.
    """

    def __init__(self, name: str, total: int | None = None, unit: str = "it") -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done, self.note = 0, ""
        self._started = self._printed = time.monotonic()
        self._bar = (
            tqdm(desc=name, total=total, unit=f" {unit}", dynamic_ncols=True)
            if name and sys.stderr.isatty()
            else None
        )

    def update(self, count: int = 1, note: str = "") -> None:
        """Count `count` more units; `note` is shown behind the rate."""
        self.done += count
        self.note = note or self.note
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
        elif self.name and time.monotonic() - self._printed >= QUIET_INTERVAL_S:
            self._line()

    def _line(self) -> None:
        self._printed = time.monotonic()
        elapsed = self._printed - self._started
        of = f"/{self.total}" if self.total else ""
        rate = self.done / elapsed if elapsed > 0 else 0.0
        text = (
            f"{self.name}: {self.done}{of} {self.unit}, {rate:.1f} {self.unit}/s, {elapsed:.0f} s"
        )
        print(f"{text}, {self.note}" if self.note else text, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self.name and kind is None:
            self._line()


def track(items: Iterable[T], name: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield `items` and show the progress under `name`."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with Progress(name, total, unit) as progress:
        for item in items:
            yield item
            progress.update()
