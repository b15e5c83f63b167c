"""Whether a silhouette shows one object, or several side by side."""

import numpy as np
from scipy import ndimage

SMOOTH = 9  # columns, at a longer side of 320 pixels
VALLEY = 0.7  # a valley this much lower than both sides separates two objects
LOBE = 0.2  # such a side must be this high, as a share of the highest column
THREAD = 0.12  # a bridge this thin, as a share of the lower side's height, joins nothing
BRIDGE = 0.4  # a bridge at mid-height parts two objects when it is at most this share of them
MIDDLE = 0.36, 0.64  # of the lower side's height, from its top: where that bridge is


def several_objects(mask: np.ndarray) -> bool:
    """Tell whether the columns of a mask, bool H x W, have a valley that parts two objects.

    The legs of trousers, the glasses of sunglasses, heel and toe are parts of one object: what
    joins them is near an end of their height. Two watches that touch do so half way up.
    """
    profile = ndimage.uniform_filter1d(
        np.count_nonzero(mask, axis=0).astype(np.float64), SMOOTH, mode="constant"
    )
    before = np.maximum.accumulate(profile)
    after = np.maximum.accumulate(profile[::-1])[::-1]
    lower = np.minimum(before, after)
    valleys = (lower >= LOBE * profile.max()) & (profile < VALLEY * lower)
    labels, count = ndimage.label(valleys)
    return any(_parts(mask, profile, lower, labels == n) for n in range(1, count + 1))


def _parts(mask: np.ndarray, profile: np.ndarray, lower: np.ndarray, valley: np.ndarray) -> bool:
    """Tell whether one valley of the columns' heights parts two objects."""
    columns = np.flatnonzero(valley)
    deepest = columns[profile[columns].argmin()]
    bridge = np.flatnonzero(mask[:, deepest])
    left, right = mask[:, : columns[0]], mask[:, columns[-1] + 1 :]
    is_left = profile[:deepest].max() <= profile[deepest:].max()
    rows = np.flatnonzero((left if is_left else right).any(axis=1))
    if len(bridge) < THREAD * len(rows):
        return True
    place = (bridge.mean() - rows[0]) / len(rows)
    narrow = profile[deepest] <= BRIDGE * lower[deepest]
    return bool(narrow and MIDDLE[0] <= place <= MIDDLE[1])
