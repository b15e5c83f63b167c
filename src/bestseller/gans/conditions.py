"""What images are asked for by: lines, and their views where the images have several."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bestseller.images.store import views_of_lines


@dataclass(frozen=True)
class Conditions:
    """The (line, view) pairs that the training images show, and the number of each.

    A pair has the number of its line times the number of views plus the number of its view, lines
    and views counted in alphabetical order: with a single view it is the line's alone.

    Attributes:
        of_lines: for each line the views that its images show, its main view first.
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
            views: N known views; without them each line's main view.
        """
        views = [self.of_lines[line][0] for line in lines] if views is None else views
        line_numbers = {line: number for number, line in enumerate(self.lines)}
        view_numbers = {view: number for number, view in enumerate(self.views)}
        pairs = zip(lines, views, strict=True)
        return np.array(
            [line_numbers[line] * len(self.views) + view_numbers[view] for line, view in pairs],
            dtype=np.int64,
        )
