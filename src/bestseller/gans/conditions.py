"""Conditions: the line, and the view if the images have several, that a generator is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bestseller.images.store import views_of_lines


@dataclass(frozen=True)
class Conditions:
    """The (line, view) pairs that the training images show, and the number of each pair.

    The number of a pair is i * V + j, where i is the line's index, V the number of views and j the
    view's index. Lines and views are indexed in alphabetical order. With a single view the number
    is the line's index.

    Attributes:
        of_lines: for each line, the views that its images show; the main view is first.
    """

    of_lines: dict[str, list[str]]

    @classmethod
    def of(cls, index: pd.DataFrame) -> "Conditions":
        """Collect the conditions of images with the columns line and view."""
        return cls(views_of_lines(index))

    @cached_property
    def lines(self) -> list[str]:
        """The names of the lines in the order of their numbers."""
        return sorted(self.of_lines)

    @cached_property
    def views(self) -> list[str]:
        """The names of the views in the order of their numbers."""
        return sorted({view for views in self.of_lines.values() for view in views})

    def numbers(self, lines: Sequence[str], views: Sequence[str] | None = None) -> np.ndarray:
        """Return the conditions' numbers, int64 N.

        Args:
            lines: N known lines.
            views: N known views; None means the main view of each line.
        """
        views = [self.of_lines[line][0] for line in lines] if views is None else views
        line_numbers = {line: number for number, line in enumerate(self.lines)}
        view_numbers = {view: number for number, view in enumerate(self.views)}
        pairs = zip(lines, views, strict=True)
        return np.array(
            [line_numbers[line] * len(self.views) + view_numbers[view] for line, view in pairs],
            dtype=np.int64,
        )
