"""What people said about designs of earlier runs, and whether the score agrees with them."""

import pandas as pd

from bestseller.designs.feedback import KEEP, agreement
from bestseller.report.words import count


def feedback_sentence(table: pd.DataFrame, confidence: float) -> str:
    """Return a sentence or two on the verdicts so far, empty where there are none.

    Args:
        table: `designs.feedback.Feedback.table`.
        confidence: of the interval.
    """
    if table.empty:
        return ""
    kept = int((table["verdict"] == KEEP).sum())
    told = (
        f"People have judged {count(len(table), 'design')} so far: {kept} kept, "
        f"{len(table) - kept} rejected, and no design near a rejected one is shown."
    )
    found = agreement(table, confidence)
    if found is None:
        return f"{told} No line has both, so nothing says whether the score agrees with them."
    share, pairs = found
    return (
        f"{told} Of a kept and a rejected design of one line the score put the kept one first "
        f"{100 * share.value:.0f} times in 100 ({100 * share.low:.0f} to {100 * share.high:.0f}; "
        f"{count(pairs, 'pair')})."
    )
