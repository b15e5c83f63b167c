"""What the reasons in rejects.csv mean: whether to ask again, and what a person can do."""

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

NOT_FETCHED = "not fetched"
PASSWORD = "a page that asks for a password"
SCRIPT = "no product on the page: a script builds it in the browser"
OFF_ORIGIN = "is not of the shop's origin"
STILL_WAITING = "still after catalogue.crawl.max_wait_s"
EXPORTS = (
    "an export of its products: catalogue.source google_feed, shopify_export or woocommerce_export"
)
# What may be otherwise tomorrow: no answer, a busy or broken server, a file that was locked.
_PASSING = re.compile(
    r"no answer|HTTP (?:408|425|429|430|5\d\d)|not fetched|not read \(|refused: \S+ cannot be read"
)
_MOVED = re.compile(rf"refused: (\S+) {re.escape(OFF_ORIGIN)}")
_CLOSED = re.compile(rf"HTTP (?:401|407)|{re.escape(PASSWORD)}")


def is_passing(reason: str) -> bool:
    """Tell whether to ask again for what was refused for this reason."""
    return bool(_PASSING.match(reason))


def mend_of(reasons: Iterable[str], setting: str) -> str:
    """Return what a person can do about the most frequent reason that has a mend, else "".

    Args:
        reasons: why addresses of a shop could not be had.
        setting: section of params.yaml that the shop stands in.
    """
    mends = Counter(mend for reason in reasons if (mend := _mend(reason, setting)))
    return max(mends, key=lambda mend: (mends[mend], mend), default="")


def _mend(reason: str, setting: str) -> str:
    if found := _MOVED.match(reason):
        parts = urlsplit(found[1])
        return (
            f"the shop is at another address: set {setting}.url to {parts.scheme}://{parts.netloc}"
        )
    if _CLOSED.match(reason):
        return f"the shop is closed to visitors: have its owner open it, or read {EXPORTS}"
    if reason == SCRIPT:
        return f"the crawler runs no scripts: read {EXPORTS}"
    if STILL_WAITING in reason:
        return "raise catalogue.crawl.max_wait_s, or ask less often by catalogue.crawl.delay_s"
    return ""
