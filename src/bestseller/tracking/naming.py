"""What a run is called: by what was changed, so that the runs of a table tell themselves apart."""

from collections import Counter
from collections.abc import Mapping, Sequence

NAMED = 3  # settings, or stages, that a name tells; the others are counted
LONGEST = 40  # characters of a setting's value


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Tell which settings differ, such as ``dcgan.lr=0.001, seeds=[0, 1]``; empty where none does.

    Args:
        before: flat settings, keys joined with dots.
        after: those that are told.
    """
    short = _short({**before, **after})
    return _listed(
        [
            f"{short[key]}={_cut(after[key]) if key in after else 'gone'}"
            for key in {**before, **after}
            if before.get(key) != after.get(key)
        ]
    )


def stages(names: Sequence[str]) -> str:
    """Tell which stages ran anew, such as ``shortlist, report anew``; empty where none did."""
    return f"{_listed(names)} anew" if names else ""


def run_name(changed: str, label: str) -> str:
    """Return a run's name: what changed first, for a table shows its beginning."""
    return f"{changed} ({label})" if changed else label


def _short(settings: Mapping[str, str]) -> dict[str, str]:
    """Return each setting's last two parts, or its whole name where another ends in the same."""
    tails = {key: ".".join(key.split(".")[-2:]) for key in settings}
    times = Counter(tails.values())
    return {key: tail if times[tail] == 1 else key for key, tail in tails.items()}


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _listed(found: Sequence[str]) -> str:
    more = [f"{len(found) - NAMED} more"] if len(found) > NAMED else []
    return ", ".join([*found[:NAMED], *more])
