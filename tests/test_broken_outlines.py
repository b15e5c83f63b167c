"""An outline with gaps is one product's; what gaps part and what encloses nothing is not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from bestseller.images.align import Quarantine, find_product
from bestseller.images.frame import frame
from bestseller.images.pale import fainter_silhouette, has_pale_part
from bestseller.images.silhouette import find_edges, framed_silhouette
from bestseller.params import load_params
from conftest import REPOSITORY
from test_pale_products import SIZE, photo, shirt

Box = tuple[float, float, float, float]
DRESS = (170, 60, 310, 420)


def with_gaps(gap: int, body: int = 249) -> Image.Image:
    """Draw a dress of nearly the ground's colour whose seams show, but for gaps."""
    image = Image.new("RGB", (SIZE, SIZE), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle(DRESS, (body,) * 3, (150, 140, 130), 4)
    left, top, right, bottom = DRESS
    for y in (top + 100, top + 240):
        for x in (left, right):
            draw.rectangle((x - 6, y, x + 6, y + gap), (250, 250, 250))
    draw.rectangle((238 - gap // 2, top - 4, 242 + gap // 2, top + 6), (250, 250, 250))
    draw.rectangle((238 - gap // 2, bottom - 6, 242 + gap // 2, bottom + 4), (250, 250, 250))
    return image.filter(ImageFilter.GaussianBlur(1))


@pytest.mark.parametrize("gap", [4, 8, 12])
def test_an_outline_with_gaps_is_one_product(gap: int) -> None:
    assert find_product(with_gaps(gap)).box == pytest.approx(DRESS, abs=0.025 * SIZE)


def test_two_outlines_with_gaps_are_two() -> None:
    both = Image.new("RGB", (SIZE, SIZE), (250, 250, 250))
    one = with_gaps(12).crop((160, 50, 320, 430)).resize((140, 380))
    both.paste(one, (70, 50))
    both.paste(one.resize((100, 270)), (270, 160))
    with pytest.raises(Quarantine, match="several objects"):
        find_product(both)


@pytest.mark.parametrize("between", [10, 14, 18, 22])
def test_letters_that_gaps_join_enclose_nothing(between: int) -> None:
    image = Image.new("RGB", (SIZE, SIZE), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    for row in range(3):
        for x in range(40, 430, 12 + between):
            draw.rectangle((x, 90 + 110 * row, x + 11, 150 + 110 * row), (40, 60, 90))
    with pytest.raises(Quarantine, match="several objects"):
        find_product(image)


def chain(radius: float, links: int = 70) -> Image.Image:
    """Draw a necklace of links that do not touch, with a pendant."""
    picture = Image.new("RGBA", (360, 420), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for angle in np.linspace(0, 2 * np.pi, links, endpoint=False):
        x, y = 180 + 150 * np.sin(angle), 180 - 160 * np.cos(angle)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (200, 160, 80, 255))
    draw.ellipse((166, 342, 194, 370), (120, 90, 50, 255))
    return picture


def test_the_links_of_a_chain_are_one_cut_out() -> None:
    settings = load_params(REPOSITORY / "params.yaml").images
    frame(chain(4.5), settings)
    with pytest.raises(Quarantine, match="several objects"):  # some stones beside each other
        frame(chain(16, links=9), settings)


def test_the_cheap_look_for_pale_parts_misses_none() -> None:
    """Shirts have pale parts on some grounds; the cheap look alone decides nothing."""
    seen = set()
    for ground in (224, 238, 246, 255):
        for white in (229, 242, 248, 252):
            pixels = np.asarray(photo(shirt(np.full((SIZE, SIZE, 3), float(ground)), white)))
            small = np.asarray(Image.fromarray(pixels).resize((320, 320)))
            edges = find_edges(small)
            outline = framed_silhouette(small, edges)[1]
            fainter = framed_silhouette(small, edges, faint=True)
            pale = has_pale_part(outline, fainter[1])
            found = fainter_silhouette(small, edges, outline, None)
            if found is None:
                assert not pale
            else:
                np.testing.assert_array_equal(found, fainter)
            seen.add(pale)
    assert seen == {False, True}
    plain = np.full((320, 320, 3), 250, np.uint8)
    plain[100:220, 120:200] = 40
    edges = find_edges(plain)
    assert fainter_silhouette(plain, edges, framed_silhouette(plain, edges)[1], None) is None
