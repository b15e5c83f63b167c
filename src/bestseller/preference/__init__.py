"""What sells: the sales ranker, its backtest, and the score of any image.

`score` is for people; docs/designs.md has an example.
"""

from typing import TYPE_CHECKING

from bestseller.lazy import exports

if TYPE_CHECKING:
    from bestseller.preference.scorer import score

__all__ = ["score"]
__getattr__ = exports(__name__, {"score": "scorer"})
