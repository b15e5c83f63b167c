"""Cut-outs, whole pictures, wide and touching products: what `images.align` makes of each."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bestseller.images.align import Quarantine, find_product
from bestseller.images.frame import cut_out, frame
from bestseller.params import Images, load_params
from conftest import REPOSITORY

WHITE = (255, 255, 255)
Points = list[tuple[float, float]]
# Outlines in a unit square, as garments and shoes lie in their boxes.
SHIRT: Points = [(0.3, 0), (0.7, 0), (1, 0.25), (0.85, 0.45), (0.75, 0.35), (0.75, 1), (0.25, 1)]
SHIRT += [(0.25, 0.35), (0.15, 0.45), (0, 0.25)]
TROUSERS: Points = [(0, 0), (1, 0), (0.95, 1), (0.6, 1), (0.5, 0.35), (0.4, 1), (0.05, 1)]
DRESS: Points = [(0.3, 0), (0.7, 0), (0.62, 0.4), (1, 1), (0, 1), (0.38, 0.4)]
SHOE: Points = [(0, 0.05), (0.3, 0), (0.45, 0.4), (0.9, 0.6), (1, 0.85), (0.97, 1), (0.02, 1)]
PUMP: Points = [(0, 0), (0.25, 0.1), (0.55, 0.7), (1, 0.85), (1, 1), (0.7, 1), (0.2, 0.6)]
PUMP += [(0.1, 0.6), (0.1, 1), (0.03, 1)]
BAG: Points = [(0, 0.35), (0.3, 0.35), (0.35, 0), (0.65, 0), (0.7, 0.35), (1, 0.35), (1, 1), (0, 1)]
GLASSES: Points = [(0, 0), (1, 0), (0.95, 1), (0.6, 1), (0.55, 0.35), (0.45, 0.35), (0.4, 1)]
GLASSES += [(0.05, 1)]
THINGS = {
    "shirt": (SHIRT, (300, 280)),
    "trousers": (TROUSERS, (150, 330)),
    "dress": (DRESS, (180, 320)),
    "shoe": (SHOE, (340, 150)),
    "pump": (PUMP, (300, 200)),
    "bag": (BAG, (300, 260)),
    "glasses": (GLASSES, (330, 110)),
}


def settings(**changes: object) -> Images:
    return load_params(REPOSITORY / "params.yaml").images.model_copy(update=changes)


def draw(name: str, margin: int, colour: tuple[int, int, int]) -> Image.Image:
    """Draw a thing on transparency, its box `margin` pixels away from each side of the frame."""
    points, (width, height) = THINGS[name]
    picture = Image.new("RGBA", (width + 2 * margin, height + 2 * margin), (0, 0, 0, 0))
    outline = [(margin + x * (width - 1), margin + y * (height - 1)) for x, y in points]
    ImageDraw.Draw(picture).polygon(outline, (*colour, 255))
    return picture


def on_ground(cut: Image.Image, ground: tuple[int, int, int] = WHITE) -> Image.Image:
    picture = Image.new("RGB", cut.size, ground)
    picture.paste(cut, mask=cut.getchannel("A"))
    return picture


def extent(image: Image.Image, ground: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return the box of what differs from the ground."""
    on = np.abs(np.asarray(image).astype(int) - ground).max(axis=2) > 60
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def assert_centred(image: Image.Image, name: str, ground: tuple[int, int, int]) -> None:
    """The longer side of the thing's box is 0.9 of the frame's; its middle is the frame's."""
    width, height = THINGS[name][1]
    left, top, right, bottom = extent(image, ground)
    scale = 0.9 * image.width / max(width, height)
    assert abs(right - left - scale * width) <= 3
    assert abs(bottom - top - scale * height) <= 3
    assert abs((left + right) / 2 - image.width / 2) <= 2
    assert abs((top + bottom) / 2 - image.height / 2) <= 2


@pytest.mark.parametrize("margin", [0, 1, 3, 40])
@pytest.mark.parametrize("name", THINGS)
def test_things_that_touch_the_frame_and_lie_are_found(name: str, margin: int) -> None:
    photo = on_ground(draw(name, margin, (70, 40, 110)))
    width, height = THINGS[name][1]
    found = find_product(photo).box
    expected = (margin, margin, margin + width, margin + height)
    assert np.abs(np.subtract(found, expected)).max() <= 0.025 * max(photo.size)
    assert_centred(frame(photo, settings()), name, WHITE)


@pytest.mark.parametrize("margin", [0, 40])
@pytest.mark.parametrize("name", THINGS)
def test_white_on_transparency_has_the_silhouette_of_its_alpha(name: str, margin: int) -> None:
    cut = draw(name, margin, WHITE)
    for align in ("auto", "alpha"):
        grey = frame(cut, settings(align=align, matte="#404040"))
        assert_centred(grey, name, (64, 64, 64))
    on_white = np.asarray(frame(cut, settings()))
    assert (on_white == 255).all()  # the matte's default: white stays white
    with pytest.raises(Quarantine, match="no product"):
        frame(cut, settings(align="product"))


def test_a_soft_shadow_and_dust_are_not_the_silhouette() -> None:
    cut = draw("shirt", 60, (70, 40, 110))
    pixels = np.array(cut)
    pixels[-50:-10, 60:360][pixels[-50:-10, 60:360, 3] == 0] = (0, 0, 0, 50)  # a shadow below
    pixels[5:7, 5:7] = (0, 0, 0, 255)  # dust
    assert_centred(frame(Image.fromarray(pixels), settings(align="alpha")), "shirt", WHITE)


def test_alpha_that_cuts_nothing_out_is_no_silhouette() -> None:
    photo = on_ground(draw("shirt", 60, (70, 40, 110))).convert("RGBA")
    assert cut_out(photo) is None
    corners = Image.new("L", photo.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *photo.size), 20, fill=255)
    rounded = photo.copy()
    rounded.putalpha(corners)
    for picture in (photo, rounded):
        assert_centred(frame(picture, settings()), "shirt", WHITE)
        with pytest.raises(Quarantine, match="no transparent background"):
            frame(picture, settings(align="alpha"))


def beside(one: Image.Image, other: Image.Image, gap: int) -> Image.Image:
    size = one.width + gap + other.width, max(one.height, other.height)
    both = Image.new("RGBA", (size[0] + 80, size[1] + 80), (0, 0, 0, 0))
    both.paste(one, (40, 40))
    both.paste(other, (40 + one.width + gap, 40))
    return both


@pytest.mark.parametrize("name", ["shirt", "trousers", "shoe"])
def test_several_objects_are_refused_unless_the_settings_take_them(name: str) -> None:
    pair = beside(draw(name, 0, (70, 40, 110)), draw(name, 0, (160, 60, 50)), gap=30)
    for picture in (pair, on_ground(pair)):
        with pytest.raises(Quarantine, match="several objects"):
            frame(picture, settings())
        left, top, right, bottom = extent(frame(picture, settings(several="take")), WHITE)
        assert max(right - left, bottom - top) == pytest.approx(0.9 * 64, abs=2)


def test_nothing_and_a_scene_are_refused() -> None:
    rng = np.random.default_rng(0)
    blocks = Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8))
    scene = blocks.resize((480, 480), Image.Resampling.NEAREST)
    scene.paste((90, 20, 30), (120, 120, 360, 360))
    with pytest.raises(Quarantine, match="fills the frame"):
        frame(scene, settings())
    wall = np.linspace(190, 250, 400).astype(np.uint8)  # lit from one side
    half = Image.fromarray(np.broadcast_to(wall[None, :, None], (400, 400, 3)).copy())
    half.paste(scene.resize((400, 200)), (0, 200))  # a table full of things before it
    with pytest.raises(Quarantine, match=r"fills the frame|several objects"):
        frame(half, settings())
    for empty in (Image.new("RGB", (300, 300), (240, 240, 240)), Image.new("RGBA", (300, 300))):
        for align in ("auto", "none"):
            with pytest.raises(Exception, match=r"no product|empty picture|transparent"):
                frame(empty, settings(align=align))


@pytest.mark.parametrize("dark", [15, 25, 35])
def test_clothes_on_a_model_are_found_before_a_shaded_ground(dark: int) -> None:
    """Cut by the frame above and below; the ground is darker towards a side and the floor."""
    y, x = np.mgrid[:420, :280] / np.array([420, 280]).reshape(2, 1, 1)
    shade = 252 - dark * np.maximum(x**2, y**3)
    picture = Image.fromarray(np.repeat(shade[..., None], 3, axis=2).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(70, 0), (205, 0), (225, 160), (215, 419), (60, 419), (50, 160)], (60, 70, 100))
    draw.rectangle((110, 0, 165, 60), (215, 170, 150))
    assert find_product(picture).box == pytest.approx((50, 0, 225, 420), abs=8)


def test_a_photo_on_off_white_set_into_white_is_seen_through() -> None:
    """Only the shoe counts, not the panel that it was photographed on."""
    shoe = on_ground(draw("shoe", 60, (215, 190, 160)), (243, 243, 241))
    padded = Image.new("RGB", (shoe.width, shoe.width), WHITE)
    padded.paste(shoe, (0, (shoe.width - shoe.height) // 2))
    left, _, right, _ = find_product(padded).box
    assert right - left == pytest.approx(340, abs=14)


def cover(size: tuple[int, int], seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    blocks = Image.fromarray(rng.integers(0, 200, (9, 6, 3), dtype=np.uint8))
    return blocks.resize(size, Image.Resampling.NEAREST)


def test_a_cover_is_refused_by_auto_and_whole_with_none() -> None:
    book = cover((400, 600))
    with pytest.raises(Quarantine, match="fills the frame"):
        frame(book, settings())
    padded = np.asarray(frame(book, settings(align="none", fit="pad", matte="#ffffff")))
    inside = np.asarray(book.resize((43, 64), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(padded[:, 10:53], inside)
    assert (padded[:, :10] == 255).all()
    assert (padded[:, 53:] == 255).all()
    cropped = np.asarray(frame(book, settings(align="none", fit="crop")))
    middle = book.crop((0, 100, 400, 500)).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.abs(cropped.astype(int) - np.asarray(middle)).max() <= 2
    with pytest.raises(Quarantine, match="too small"):
        frame(book.resize((20, 30)), settings(align="none"))


def test_the_widest_product_can_be_set() -> None:
    photo = on_ground(draw("shoe", 20, (70, 40, 110)))
    for picture in (photo, draw("shoe", 20, WHITE)):
        frame(picture, settings(max_aspect=2.5))
        with pytest.raises(Quarantine, match="too wide"):
            frame(picture, settings(max_aspect=2.0))
