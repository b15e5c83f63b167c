"""Checks whether a backbone's features tell lines and designs apart, on images new to it."""

import numpy as np

SHIFT = 3  # pixels
LEAST_SKILL = 0.2  # 0 = as good as guessing, 1 = all answers right


def is_blind(right: float, chance: float) -> bool:
    """Tell whether a share of right answers, 0..1, is hardly better than chance."""
    return chance < 1 and (right - chance) / (1 - chance) < LEAST_SKILL


def line_accuracy(
    seen: np.ndarray, seen_lines: np.ndarray, unseen: np.ndarray, unseen_lines: np.ndarray
) -> tuple[float, float]:
    """Predict the line of each unseen image as the line of its nearest seen image.

    Args:
        seen: float N x d features of the images that the network was fitted on.
        seen_lines: their N lines.
        unseen: float M x d features of other images.
        unseen_lines: their M lines.

    Returns:
        the balanced accuracy (mean over lines of the share predicted correctly), and the accuracy
        of guessing: one over the number of seen lines.
    """
    named = seen_lines[_similarity(unseen, seen, seen.mean(0)).argmax(1)]
    right = [(named[unseen_lines == line] == line).mean() for line in np.unique(unseen_lines)]
    return float(np.mean(right)), 1.0 / len(np.unique(seen_lines))


def retrieval(
    queries: np.ndarray, clusters: np.ndarray, gallery: np.ndarray, gallery_clusters: np.ndarray
) -> tuple[float, float]:
    """Find the design of each changed image among all unchanged images.

    Args:
        queries: float M x d features of changed images.
        clusters: int M, their designs.
        gallery: float N x d features of the unchanged images.
        gallery_clusters: int N, their designs.

    Returns:
        the share of queries whose nearest image shows the same design, and that share for guessing:
        the mean share of the gallery that shows a query's design.
    """
    found = gallery_clusters[_similarity(queries, gallery, gallery.mean(0)).argmax(1)]
    guess = (clusters[:, None] == gallery_clusters[None, :]).mean()
    return float((found == clusters).mean()), float(guess)


def changed(images: np.ndarray, seed: int) -> np.ndarray:
    """Mirror every second image and shift all by up to 3 pixels; uint8 N x H x W x 3."""
    random = np.random.default_rng(seed)
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for index, (y, x) in enumerate(random.integers(0, 2 * SHIFT + 1, (len(images), 2))):
        view = padded[index, y : y + height, x : x + width]
        result[index] = view[:, ::-1] if index % 2 else view
    return result


def _similarity(a: np.ndarray, b: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the cosines of the features after subtracting `centre`, M x N."""
    a, b = a - centre, b - centre
    tiny = np.finfo(np.float32).tiny
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), tiny)
    b /= np.maximum(np.linalg.norm(b, axis=1, keepdims=True), tiny)
    similarity: np.ndarray = a @ b.T
    return similarity
