"""Which images show the same design, and which show no product at all.

Perceptual hashes merge colour variants and different watches of one style; a small colour
thumbnail of the *aligned* photo tells them apart and still survives re-encoding and resizing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bestseller.images.intake import Reject, open_image

THUMBNAIL = 32  # pixels, side
COARSE = 8  # pixels, side of the thumbnails that rule out most pairs
BLOCK = 2048  # images; bounds the memory at any number of images
PLACEHOLDER_PRODUCTS = 3
FLAT_COLOURS = 12
COLOUR_SHARE = 0.001  # of the pixels; rarer colours are noise


def thumbnails(images: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Average uint8 N x H x W x 3 down to float32 N x side x side x 3; side divides H and W."""
    n, height, width, channels = images.shape
    blocks = images.reshape(n, side, height // side, side, width // side, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32)


def find_clusters(images: np.ndarray, rmse: float, products: Sequence[str]) -> np.ndarray:
    """Number the designs: images of one product, and near-duplicates, share a number.

    Two images are near-duplicates when the root mean square error of their 32 x 32 RGB thumbnails
    is at most `rmse`; what is linked through others belongs together (single linkage). Every pair
    is compared on 8 x 8 thumbnails first: averaging cannot increase the error (Jensen), so a pair
    that is far apart there is far apart. Time grows with N^2, memory with N: 5,516 images take
    about half a second, 60,000 about a minute and 1 GB.

    Args:
        images: aligned images, uint8 N x H x W x 3, H and W multiples of 32.
        rmse: grey levels of 255, at least 0.
        products: N product names.

    Returns:
        int64 N, numbered from 0 in the order of first appearance.
    """
    _, labels = np.unique(np.asarray(products, dtype=object).astype(str), return_inverse=True)
    fine = np.rint(thumbnails(images)).astype(np.uint8).reshape(len(images), -1)
    coarse = thumbnails(fine.reshape(-1, THUMBNAIL, THUMBNAIL, 3), COARSE).reshape(len(images), -1)
    limit = rmse**2
    for rows, columns in _near_pairs(coarse, limit * coarse.shape[1]):
        apart = labels[rows] != labels[columns]
        rows, columns = rows[apart], columns[apart]
        near = _squared_distances(fine, rows, columns) <= limit * fine.shape[1]
        labels = _merge(labels, rows[near], columns[near])
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _near_pairs(vectors: np.ndarray, limit: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield index pairs i < j, block by block, holding all with ||v_i - v_j||^2 <= limit."""
    vectors = vectors - vectors.mean(axis=0)  # smaller numbers, smaller rounding errors
    squares = np.einsum("ij,ij->i", vectors, vectors)
    starts = range(0, len(vectors), BLOCK)
    for a, b in combinations_with_replacement(starts, 2):
        left, right = slice(a, a + BLOCK), slice(b, b + BLOCK)
        distances = squares[left, None] + squares[None, right]
        rounding = 1e-5 * distances
        distances -= 2 * vectors[left] @ vectors[right].T
        near = distances <= limit + rounding
        rows, columns = np.nonzero(np.triu(near, 1) if a == b else near)
        yield rows + a, columns + b


def _squared_distances(fine: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Exact squared distances of pairs of uint8 vectors, int64."""
    result = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        part = slice(start, start + BLOCK)
        difference = fine[rows[part]].astype(np.int32) - fine[columns[part]]
        result[part] = np.einsum("ij,ij->i", difference, difference)
    return result


def _merge(labels: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Give linked images one label."""
    if len(rows) == 0:
        return labels
    count = int(labels.max()) + 1
    links = coo_array((np.ones(len(rows)), (labels[rows], labels[columns])), shape=(count, count))
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
        image = open_image(data)
    except Reject:
        return False
    return count_colours(image) <= FLAT_COLOURS


def count_colours(image: Image.Image) -> int:
    """Count the colours, at 4 bits a channel, that hold at least a thousandth of the pixels."""
    codes = (np.asarray(image, dtype=np.uint16) >> 4) @ np.array([256, 16, 1], dtype=np.uint16)
    counts = np.bincount(codes.ravel())
    return int((counts >= COLOUR_SHARE * codes.size).sum())
