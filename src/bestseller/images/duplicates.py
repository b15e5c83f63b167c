"""Finds images of the same design, and placeholders, which show no product.

Perceptual hashes merge colour variants and different watches of one style; small colour
thumbnails of the *aligned* photos tell them apart and survive re-encoding and resizing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bestseller.images.intake import Reject, open_image

THUMBNAIL = 32  # pixels, side
COARSE = 8  # pixels, side of the thumbnails that show parts, such as a dial, as even colours
CELL = 1.25  # largest difference of a part's colour, as a multiple of the RMSE allowed
BLOCK = 2048  # images; bounds the memory at any number of images
PAIRS = 2**15  # whose thumbnails are compared at a time
DIRECTIONS = 16  # in which most thumbnails of different designs are told apart
PLACEHOLDER_PRODUCTS = 3
FLAT_SIDE = 640  # pixels, side from which on a picture is looked at in a smaller version
FLAT = 0.93  # share of the pixels in two colours; 1 of 1,000 watch photos on white has 0.91


def thumbnails(images: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Average uint8 N x H x W x 3 down to float32 N x side x side x 3; side divides H and W."""
    n, height, width, channels = images.shape
    blocks = images.reshape(n, side, height // side, side, width // side, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32)


def find_clusters(images: np.ndarray, rmse: float, products: Sequence[str]) -> np.ndarray:
    """Number the designs: images of one product, and near-duplicates, share a number.

    Two images are near-duplicates when the root mean square error of their 32 x 32 RGB thumbnails
    is at most `rmse` and no pixel of their 8 x 8 thumbnails differs by more than 1.25 `rmse` in a
    channel: colour variants differ in one part, re-encoded photos a little in all. What is linked
    through others belongs together (single linkage). Averaging cannot increase the error
    (Jensen), so most pairs are ruled out on the 8 x 8 thumbnails, and most of those by 16 numbers
    in a tree. Time grows with N log N and with the number of pairs whose 16 numbers are alike, in
    dense sets a share of N^2; see `benchmarks/growth.py`.

    Args:
        images: aligned images, uint8 N x H x W x 3, H and W multiples of 32.
        rmse: grey levels of 255, at least 0.
        products: N product names.

    Returns:
        int64 N, numbered from 0 in the order of first appearance.
    """
    _, labels = np.unique(np.asarray(products, dtype=object).astype(str), return_inverse=True)
    blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    small = np.concatenate([np.rint(thumbnails(block)).astype(np.uint8) for block in blocks])
    fine = small.reshape(len(images), -1)
    coarse = thumbnails(small, COARSE).reshape(len(images), -1)
    limit = rmse**2
    for pairs in _near_pairs(coarse, limit * coarse.shape[1]):
        apart = pairs[:, labels[pairs[0]] != labels[pairs[1]]]
        alike = apart[:, _largest_differences(coarse, apart) <= CELL * rmse]
        near = alike[:, _squared_distances(fine, alike) <= limit * fine.shape[1]]
        labels = _merge(labels, near)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _near_pairs(vectors: np.ndarray, limit: float) -> Iterator[np.ndarray]:
    """Yield index pairs i < j, 2 x n, with all of ||v_i - v_j||^2 <= limit, a few blocks at a time.

    No projection makes a distance longer. So a k-d tree of the few directions in which vectors
    differ most finds all near pairs, and others for which the distance itself is computed.
    """
    vectors = vectors - vectors.mean(axis=0)  # smaller numbers, smaller rounding errors
    squares = np.einsum("ij,ij->i", vectors, vectors)
    from scipy.spatial import KDTree  # noqa: PLC0415 (slow import)

    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    places = vectors.astype(np.float64) @ axes[:, -DIRECTIONS:]
    reach = np.sqrt(limit) * (1 + 1e-4) + 1e-3
    tree = KDTree(places)
    for start in range(0, len(vectors), BLOCK):
        part = KDTree(places[start : start + BLOCK])
        found = part.sparse_distance_matrix(tree, reach, output_type="coo_matrix")
        i, j = found.row.astype(np.int64) + start, found.col.astype(np.int64)
        yield _near(vectors, squares, i[i < j], j[i < j], limit)


def _near(
    vectors: np.ndarray, squares: np.ndarray, i: np.ndarray, j: np.ndarray, limit: float
) -> np.ndarray:
    """Return which of the pairs i, j are near, 2 x n."""
    parts = []
    for start in range(0, len(i), PAIRS):
        a, b = i[start : start + PAIRS], j[start : start + PAIRS]
        sums = squares[a] + squares[b]
        near = sums - 2 * np.einsum("ij,ij->i", vectors[a], vectors[b]) <= limit + 1e-5 * sums
        parts.append(np.stack([a[near], b[near]]))
    return np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), dtype=np.int64)


def _largest_differences(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Largest absolute difference of each pair of float32 vectors."""
    result = np.empty(pairs.shape[1], dtype=np.float32)
    for start in range(0, len(result), BLOCK):
        i, j = pairs[:, start : start + BLOCK]
        result[start : start + BLOCK] = np.abs(vectors[i] - vectors[j]).max(axis=1)
    return result


def _squared_distances(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Exact squared distance of each pair of uint8 vectors, int64."""
    result = np.empty(pairs.shape[1], dtype=np.int64)
    for start in range(0, len(result), BLOCK):
        i, j = pairs[:, start : start + BLOCK]
        difference = vectors[i].astype(np.int32) - vectors[j]
        result[start : start + BLOCK] = np.einsum("ij,ij->i", difference, difference)
    return result


def _merge(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Give linked images one label."""
    if pairs.shape[1] == 0:
        return labels
    count = int(labels.max()) + 1
    links = coo_array((np.ones(pairs.shape[1]), tuple(labels[pairs])), shape=(count, count))
    _, merged = connected_components(links, directed=False)
    return merged[labels]


def find_placeholders(
    uses: Iterable[tuple[str, str, str]], read: Callable[[str], bytes]
) -> frozenset[str]:
    """Find the pictures that shops show where they have no photo.

    A file is a placeholder when three products of at least two lines use it, or when two products
    use it and it is a flat drawing, such as a grey card with a text. A photo that some variants
    of one line share is none.

    Args:
        uses: (sha256, sku, line) of each product photo.
        read: returns the bytes of the file with a sha256.

    Returns:
        The sha256 of the placeholders.
    """
    skus: dict[str, set[str]] = {}
    lines: dict[str, set[str]] = {}
    for sha256, sku, line in uses:
        skus.setdefault(sha256, set()).add(sku)
        lines.setdefault(sha256, set()).add(line)
    return frozenset(
        sha256
        for sha256, users in skus.items()
        if (len(users) >= PLACEHOLDER_PRODUCTS and len(lines[sha256]) > 1)
        or (len(users) > 1 and _is_flat(read(sha256)))
    )


def _is_flat(data: bytes) -> bool:
    try:
        image = open_image(data, draft=FLAT_SIDE)
    except Reject:
        return False
    return two_colour_share(image) >= FLAT


def two_colour_share(image: Image.Image) -> float:
    """Return the share of an RGB image's pixels in its two commonest colours, 4 bits a channel."""
    codes = (np.asarray(image, dtype=np.uint16) >> 4) @ np.array([256, 16, 1], dtype=np.uint16)
    return float(np.sort(np.bincount(codes.ravel()))[-2:].sum() / codes.size)
