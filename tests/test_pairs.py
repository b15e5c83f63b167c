"""One product of two things, such as shoes and spectacles, is told from two products."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from bestseller.images.align import Quarantine, find_product
from bestseller.images.frame import frame
from bestseller.params import Images, load_params
from conftest import REPOSITORY
from test_align import watch

Box = tuple[float, float, float, float]
GREEN, RUST, CLEAR = (40, 90, 70, 255), (170, 80, 40, 255), (0, 0, 0, 0)


def settings() -> Images:
    return load_params(REPOSITORY / "params.yaml").images


def sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", (width, height), CLEAR)
    return picture, ImageDraw.Draw(picture)


def sole(colour: tuple[int, ...] = GREEN) -> Image.Image:
    """Draw a right shoe from above: its toe points up and to the left."""
    picture, draw = sheet(110, 300)
    toe = [(30, 5), (70, 0), (100, 40), (109, 100), (92, 180), (90, 255), (70, 299), (38, 299)]
    draw.polygon([*toe, (22, 255), (20, 165), (0, 90), (8, 36)], colour)
    draw.ellipse((34, 160, 82, 280), (20, 20, 20, 255))
    for y in range(70, 150, 20):
        draw.line((30, y, 80, y), (230, 230, 230, 255), 4)
    return picture


def glove() -> Image.Image:
    picture, draw = sheet(140, 270)
    draw.rounded_rectangle((30, 120, 120, 269), 10, RUST)
    for x, y in ((30, 30), (54, 5), (78, 0), (101, 30)):
        draw.rounded_rectangle((x, y, x + 19, 160), 9, RUST)
    draw.polygon([(30, 200), (0, 130), (14, 110), (40, 160)], RUST)
    return picture


def earring() -> Image.Image:
    picture, draw = sheet(80, 250)
    draw.arc((20, 0, 60, 60), 150, 390, (205, 165, 85, 255), 5)
    draw.line((40, 55, 40, 150), (205, 165, 85, 255), 5)
    draw.polygon([(40, 140), (79, 195), (40, 249), (0, 195)], (60, 30, 110, 255))
    return picture


def beside(*things: Image.Image, gap: int) -> Image.Image:
    width = sum(thing.width for thing in things) + gap * (len(things) - 1)
    row, x = Image.new("RGBA", (width, max(thing.height for thing in things)), CLEAR), 0
    for thing in things:
        row.paste(thing, (x, row.height - thing.height))
        x += thing.width + gap
    return row


def spectacles() -> Image.Image:
    picture, draw = sheet(400, 150)
    for left in (5, 235):
        draw.ellipse((left, 10, left + 160, 140), (225, 230, 232, 90), (60, 40, 30, 255), 6)
    draw.arc((155, 40, 245, 120), 180, 360, (60, 40, 30, 255), 6)
    return picture


def printed(thing: Image.Image, seed: int) -> Image.Image:
    """Print spots on a thing, which fall otherwise on each one."""
    spots = np.random.default_rng(seed).random((25, 9)) < 0.3
    place = Image.fromarray(spots).resize(thing.size, Image.Resampling.NEAREST)
    print_ = thing.copy()
    print_.paste((235, 235, 240, 255), mask=place)
    print_.putalpha(thing.getchannel("A"))
    return print_


def reflecting() -> Image.Image:
    """Spectacles with a tint, and a lamp's image in one glass."""
    picture = spectacles()
    draw = ImageDraw.Draw(picture)
    draw.ellipse((12, 17, 158, 133), (150, 90, 60, 255))
    draw.ellipse((242, 17, 388, 133), (150, 90, 60, 255))
    draw.polygon([(280, 50), (292, 46), (318, 104), (308, 108)], (225, 205, 190, 255))
    draw.polygon([(0, 60), (8, 60), (8, 80), (0, 70)], (60, 40, 30, 255))
    return picture


def strap(shorter: tuple[int, ...] = RUST, width: int = 44) -> Image.Image:
    """Draw the two parts of a watch strap: one has holes, the shorter one a buckle."""
    picture, draw = sheet(74 + width, 330)
    draw.rounded_rectangle((0, 0, 44, 320), 12, RUST)
    for y in range(150, 290, 20):
        draw.ellipse((19, y, 25, y + 6), (60, 30, 20, 255))
    draw.rounded_rectangle((74, 18, 73 + width, 230), 4, shorter)
    draw.rectangle((74, 0, 73 + width, 22), (196, 198, 202, 255))
    return picture


def studs() -> Image.Image:
    """Two pearls, one higher and further away than the other."""
    picture, draw = sheet(240, 150)
    for x, y in ((0, 38), (150, 0)):
        draw.ellipse((x, y, x + 89, y + 89), (225, 205, 190, 255))
        draw.ellipse((x + 30, y + 15, x + 55, y + 40), (250, 245, 240, 255))
    return picture


def pair(right: Image.Image, gap: int = 40) -> Image.Image:
    return beside(ImageOps.mirror(right), right, gap=gap)


def on_ground(cut: Image.Image, ground: int = 250, margin: int = 60) -> tuple[Image.Image, Box]:
    photo = Image.new("RGB", (cut.width + 2 * margin, cut.height + 2 * margin), (ground,) * 3)
    photo.paste(cut, (margin, margin), cut)
    box = cut.getchannel("A").getbbox()
    assert box is not None
    left, top, right, bottom = (edge + margin for edge in box)
    return photo, (left, top, right, bottom)


PAIRS = {
    "shoes": pair(sole()),
    "shoes that touch": pair(sole(), gap=-12),
    "gloves": pair(glove()),
    "earrings": pair(earring(), gap=90),
    "spectacles": spectacles(),
    "spectacles that reflect": reflecting(),
    "printed gloves": beside(printed(ImageOps.mirror(glove()), 1), printed(glove(), 2), gap=40),
    "studs": studs(),
    "a strap": strap(),
}


@pytest.mark.parametrize("ground", [255, 222])
@pytest.mark.parametrize("name", PAIRS)
def test_what_mirrors_each_other_is_one_product(name: str, ground: int) -> None:
    photo, box = on_ground(PAIRS[name], ground)
    assert find_product(photo).box == pytest.approx(box, abs=0.025 * max(photo.size))
    frame(PAIRS[name], settings())  # a cut-out


def small(thing: Image.Image) -> Image.Image:
    return thing.resize((thing.width * 3 // 4, thing.height * 3 // 4))


def two_watches(gap: int) -> Image.Image:
    colours, place = watch((400, 600), 3)
    colours.putalpha(place)
    one = colours.crop(place.getbbox())
    return beside(one, one, gap=gap)


def four() -> Image.Image:
    picture, draw = sheet(420, 420)
    for x, y in ((10, 10), (250, 10), (10, 250), (250, 250)):
        draw.ellipse((x, y, x + 150, y + 150), outline=GREEN, width=16)
    return picture


def words() -> Image.Image:
    picture, draw = sheet(420, 330)
    for y, word in enumerate(("III WWW", "WWWW", "III WWWW")):
        for x, letter in enumerate(word):
            if letter != " ":
                left, top = 10 + 46 * x, 10 + 110 * y
                draw.rectangle((left, top, left + 8, top + 50), GREEN)
                if letter == "W":
                    draw.rectangle((left, top + 40, left + 34, top + 50), GREEN)
    return picture


SEVERAL = {
    "two right shoes": beside(sole(), sole(), gap=40),
    "of two colours": beside(ImageOps.mirror(sole()), sole(RUST), gap=40),
    "of two sizes": beside(ImageOps.mirror(sole()), small(sole()), gap=40),
    "printed right gloves": beside(printed(glove(), 1), printed(glove(), 2), gap=40),
    "straps of two colours": strap(GREEN),
    "of two widths": strap(width=70),
    "a shoe and a glove": beside(sole(), glove(), gap=40),
    "two watches": two_watches(gap=50),
    "two watches that touch": two_watches(gap=0),
    "three": beside(*[small(sole())] * 3, gap=30),
    "two pairs": beside(pair(small(sole())), pair(small(sole())), gap=40),
    "two pairs in two rows": four(),
    "words": words(),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_what_does_not_is_several(name: str) -> None:
    with pytest.raises(Quarantine, match="several objects"):
        find_product(on_ground(SEVERAL[name])[0])
    if "touch" not in name:  # a cut-out of one piece is one product
        with pytest.raises(Quarantine, match="several objects"):
            frame(SEVERAL[name], settings())


def test_light_from_one_side_and_noise_leave_a_pair_a_pair() -> None:
    photo, box = on_ground(PAIRS["shoes"])
    pixels = np.asarray(photo) + np.random.default_rng(0).normal(0, 4, (photo.height, 1, 1))
    pixels = pixels + np.random.default_rng(1).normal(0, 4, (photo.height, photo.width, 3))
    pixels -= np.linspace(0, 14, photo.width)[:, None]
    lit = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    assert find_product(lit).box == pytest.approx(box, abs=0.025 * max(photo.size))
