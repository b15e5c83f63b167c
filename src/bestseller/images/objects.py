"""Whether a silhouette shows one object, a pair that is sold as one, or several side by side."""

import cv2
import numpy as np
from scipy import ndimage

from bestseller.images.morphology import pieces

SMOOTH = 9  # columns, at a longer side of 320 pixels
VALLEY = 0.7  # a valley this much lower than both sides separates two objects
LOBE = 0.2  # such a side must be this high, as a share of the highest column
THREAD = 0.12  # a bridge this thin, as a share of the lower side's height, joins nothing
BRIDGE = 0.4  # a bridge at mid-height parts two objects when it is at most this share of them
MIDDLE = 0.36, 0.64  # of the lower side's height, from its top: where that bridge is
ALIKE = 0.12  # share of their size by which the halves of a pair differ
LEVEL = 0.5  # share of their height by which one is higher
SAME_SHAPE = 0.75  # intersection over union of one silhouette and the other's mirror image
SAME_COLOUR, SAME_MEAN = 30.0, 12.0  # grey levels between them: RMSE, and of their means
HANDED_SHAPE = 0.9, 0.04  # IoU with the mirror image, and by how much it exceeds that with a copy
SLENDER = 3.0  # times its width: the length of half of a strap
EVEN = 0.75  # share of its box that such a half covers
WIDTHS, TONE = 0.2, 20.0  # by how much halves differ: share of the width, grey levels of medians
HANDED = 6.0  # grey levels by which a copy may fit better than a mirror image: noise and lighting
RASTER = 32, 32  # pixels at which they are compared
MANY = 3  # pieces of which none has half of the area: words, collages, sets


def parted(mask: np.ndarray, pixels: np.ndarray) -> bool:
    """Tell whether a mask shows several objects that are no pair.

    Args:
        mask: bool H x W.
        pixels: what it was found in, uint8 or float32 H x W x 3, 0 to 255.
    """
    several = several_objects(mask) or _scattered(mask)
    return several and not (is_pair(mask, pixels) or is_strap(mask, pixels))


def _scattered(mask: np.ndarray, many: int = MANY, main: float = 2.0) -> bool:
    """Tell whether a mask is of many pieces, and `main` times the largest less than all."""
    if pieces(mask, 0)[1] < many:  # one piece, as nearly all have, is told at little cost
        return False
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)[2]
    areas = stats[1:, cv2.CC_STAT_AREA]
    return bool(main * areas.max() < areas.sum())


def is_pair(mask: np.ndarray, pixels: np.ndarray) -> bool:
    """Tell whether a mask shows the left and the right one of a pair, joined or not.

    Shoes, gloves, earrings and the glasses of spectacles mirror each other. Two copies of an
    object, such as two watches with their crowns on the right, fit better as they are.
    """
    x, _, width, _ = cv2.boundingRect(mask.view(np.uint8))
    if width < 2:
        return False
    middle = x + width // 2
    whole = mask[:, x:middle], mask[:, middle : x + width]
    boxes = np.array([cv2.boundingRect(half.astype(np.uint8)) for half in whole])
    level = np.ptp(boxes[:, 1]) > LEVEL * boxes[:, 3].max()
    if level or (np.ptp(boxes[:, 2:], axis=0) > ALIKE * boxes[:, 2:].max(axis=0)).any():
        return False
    if any(several_objects(half) or _scattered(half, 2, 1.5) for half in whole):
        return False
    halves: list[tuple[np.ndarray, np.ndarray]] = []
    for half, first, (a, b, across, down) in zip(whole, (x, middle), boxes, strict=True):
        shape = half[b : b + down, a : a + across].astype(np.float32)
        window = pixels[b : b + down, first + a : first + a + across].astype(np.float32)
        halves.append((cv2.resize(shape, RASTER) > 0.5, cv2.resize(window, RASTER)))
    (one, colours), (other, others) = halves
    both = one & other[:, ::-1]
    if not both.any():
        return False
    mirrored = _difference(both, colours, others[:, ::-1])
    copied = _difference(one & other, colours, others)
    means = np.abs((colours[both] - others[:, ::-1][both]).mean(axis=0)).max()
    shape = both.sum() / (one | other[:, ::-1]).sum()
    least, more = HANDED_SHAPE  # prints and reflections are not mirrored, the shapes are
    handed = shape >= max(least, (one & other).sum() / (one | other).sum() + more)
    alike = means <= SAME_MEAN and shape >= SAME_SHAPE
    return bool(alike and (handed or mirrored <= min(SAME_COLOUR, copied + HANDED)))


def is_strap(mask: np.ndarray, pixels: np.ndarray) -> bool:
    """Tell whether a mask shows the two parts of a watch strap, or two things as slender.

    They stand side by side; one may be longer, and they are equally wide and coloured.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count != 3:  # the ground is one
        return False
    width, height = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    even = stats[1:, cv2.CC_STAT_AREA] >= EVEN * width * height
    if not ((height >= SLENDER * width) & even).all() or np.ptp(width) > WIDTHS * width.max():
        return False
    one, other = (np.median(pixels[labels == n], axis=0) for n in (1, 2))
    return bool(np.abs(one - other).max() <= TONE)


def _difference(where: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Return the root mean square of the grey levels between two images, H x W x 3."""
    return float(np.sqrt(np.square(one - other)[where].mean())) if where.any() else np.inf


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
