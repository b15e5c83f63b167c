"""Why a design stands where it stands: its looks, its parts."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bestseller.designs.looks import WORDS, Looks, measures, to_lab
from bestseller.designs.occlusion import occlusion_map


def product(colour: tuple[int, int, int], width: int = 10, face: int | None = None) -> np.ndarray:
    """A box of 20 pixels' height in front of white, perhaps with a grey face in its middle."""
    image = np.full((32, 32, 3), 250, dtype=np.uint8)
    image[6:26, 16 - width // 2 : 16 + width // 2] = colour
    if face is not None:
        image[10:22, 12:20] = face
    return image


def test_known_colours_have_their_published_lab_values() -> None:
    red = to_lab(np.array([[[255, 0, 0]]], dtype=np.uint8))[0, 0]
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.1)
    white = to_lab(np.array([[[255, 255, 255]]], dtype=np.uint8))[0, 0]
    assert white == pytest.approx([100, 0, 0], abs=0.02)


def test_a_departure_is_named_for_what_was_changed() -> None:
    rng = np.random.default_rng(0)
    greys = rng.integers(100, 140, 20)
    widths = rng.choice([8, 10, 12], 20)
    real = np.stack([product((g, g, g), w, g) for g, w in zip(greys, widths, strict=True)])
    skus = [f"S{i}" for i in range(20)]
    looks = Looks.of(real, skus, ["A"] * 20)

    def words(image: np.ndarray) -> list[str]:
        return [part["word"] for part in looks.departures(image, "A", skus[:2])["line"]]

    assert "darker" in words(product((40, 40, 40), 10, 40))
    assert "wider" in words(product((120, 120, 120), 20, 120))
    assert words(product((120, 120, 120), 10, 250))[0] in (
        "lighter in the middle",
        "stronger in contrast",
        "more detailed",
    )
    assert words(product((120, 120, 120), 10, 120)) == []
    assert looks.departures(real[0], "unknown", []) == {"line": [], "best_sellers": []}


def test_departures_count_deviations_within_lines_and_the_largest_comes_first() -> None:
    real = np.stack([product((g, g, g)) for g in (90, 110, 190, 210)])
    looks = Looks.of(real, list("abcd"), ["A", "A", "B", "B"])
    table = measures(real)
    inside = table["lightness"] - table["lightness"].groupby(["A", "A", "B", "B"]).transform("mean")
    assert looks.spread["lightness"] == pytest.approx(np.sqrt((inside**2).sum() / 2))
    found = looks.departures(real[3], "A", ["a", "b"])
    assert found["line"] == found["best_sellers"]
    sizes = [abs(part["deviations"]) for part in found["line"]]
    assert sizes == sorted(sizes, reverse=True)
    named = {part["measure"]: part["deviations"] for part in found["line"]}
    expected = (table["lightness"][3] - table["lightness"][:2].mean()) / looks.spread["lightness"]
    assert named["lightness"] == pytest.approx(expected, abs=0.01)
    assert set(WORDS) == set(table)


def test_the_map_finds_the_part_that_the_score_looks_at() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)

    def contrast_of_one_corner(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        part = images[:, :8, 24:].reshape(len(images), -1).astype(np.float64)
        return part.std(axis=1) / 100

    parts = occlusion_map(image, contrast_of_one_corner, 4)
    assert parts.shape == (4, 4)
    assert parts[0, 3] > 0.3
    parts[0, 3] = 0
    assert (parts == 0).all()
    uneven = occlusion_map(image, lambda images: images.mean(axis=(1, 2, 3)), 5)
    assert uneven.shape == (5, 5)
