"""The record of the two products that a design lies between."""

from typing import Any

from bestseller.gans.codes import Parents


def parents_record(parents: Parents | None) -> dict[str, Any]:
    """Return the entry ``parents`` of a design's record, the larger share first; {} without.

    Each parent: sku, line, share (0..1, six decimals; the two add up to 1).
    """
    if parents is None:
        return {}
    ordered = sorted(parents, key=lambda parent: -parent.share)
    share = round(ordered[0].share, 6)
    shares = (share, round(1 - share, 6))
    pairs = zip(ordered, shares, strict=True)
    return {"parents": [{"sku": p.sku, "line": p.line, "share": part} for p, part in pairs]}
