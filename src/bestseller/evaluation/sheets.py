"""Contact sheets of uint8 images N x S x S x 3."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, FAINT, PAPER = (30, 30, 30), (110, 110, 110), (255, 255, 255)
GAP, TEXT = 4, 12  # pixels between images; height of the text


def labelled_rows(rows: Sequence[tuple[str, np.ndarray]]) -> Image.Image:
    """Lay out a row of images for each label, the label at its left."""
    font = ImageFont.load_default(TEXT)
    margin = int(max(font.getlength(label) for label, _ in rows)) + 3 * GAP
    size = rows[0][1].shape[1]
    columns = max(len(images) for _, images in rows)
    sheet = _blank(margin + columns * (size + GAP), GAP + len(rows) * (size + GAP))
    draw = ImageDraw.Draw(sheet)
    for number, (label, images) in enumerate(rows):
        top = GAP + number * (size + GAP)
        draw.text((2 * GAP, top + (size - TEXT) // 2), label, fill=INK, font=font)
        for column, image in enumerate(images):
            sheet.paste(Image.fromarray(image), (margin + column * (size + GAP), top))
    return sheet


def pairs_sheet(
    left: np.ndarray, right: np.ndarray, captions: Sequence[str], columns: int = 5
) -> Image.Image:
    """Lay out pairs of images side by side, each pair over its caption.

    Args:
        left, right: uint8 N x S x S x 3, such as generated ones and their nearest reals.
        captions: N texts.
    """
    font = ImageFont.load_default(TEXT)
    size = left.shape[1]
    wide, high = 2 * size + 4 * GAP, size + TEXT + 4 * GAP
    columns = min(columns, len(left))
    sheet = _blank(columns * wide + 2 * GAP, -(-len(left) // columns) * high + 2 * GAP)
    draw = ImageDraw.Draw(sheet)
    for number, caption in enumerate(captions):
        row, column = divmod(number, columns)
        x, y = 2 * GAP + column * wide, 2 * GAP + row * high
        sheet.paste(Image.fromarray(left[number]), (x, y))
        sheet.paste(Image.fromarray(right[number]), (x + size + GAP, y))
        draw.text((x, y + size), caption, fill=FAINT, font=font)
    return sheet


def _blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), PAPER)
