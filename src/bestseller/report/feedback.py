"""What people said about designs of earlier runs, and whether the score agrees with them."""

import pandas as pd

from bestseller.designs.feedback import FEWEST, agreement
from bestseller.designs.verdicts import KEEP, REJECT
from bestseller.report.words import count


def feedback_sentence(table: pd.DataFrame, confidence: float) -> str:
    """Return a sentence or two on the verdicts so far, empty where there are none.

    Args:
        table: `designs.feedback.Feedback.table`.
        confidence: of the interval.
    """
    if table.empty:
        return ""
    kept, rejected = (int((table["verdict"] == verdict).sum()) for verdict in (KEEP, REJECT))
    told = (
        f"People have judged {count(kept + rejected, 'design')} so far: {kept} kept, "
        f"{rejected} rejected, and no design near a rejected one is shown."
    )
    if kept + rejected < FEWEST:
        return f"{told} From {FEWEST} on, it is told here whether the score agrees with them."
    found = agreement(table, confidence)
    if found is None:
        return f"{told} No line has both, so nothing says whether the score agrees with them."
    share, pairs = found
    return (
        f"{told} Of a kept and a rejected design of one line the score put the kept one first "
        f"{100 * share.value:.0f} times in 100 ({100 * share.low:.0f} to {100 * share.high:.0f}; "
        f"{count(pairs, 'pair')})."
    )
