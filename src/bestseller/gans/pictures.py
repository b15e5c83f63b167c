"""Grids of samples as pictures."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

INK, PAPER, GAP, HEADER = (40, 40, 40), (255, 255, 255), 2, 14


def sample_grid(images: np.ndarray, columns: Sequence[str]) -> Image.Image:
    """Lay out uint8 N x S x S x 3 images row by row under column headings.

    N is a multiple of the number of columns. A heading too wide for its column is cut.
    """
    size, rows = images.shape[1], len(images) // len(columns)
    step = size + GAP
    sheet = Image.new("RGB", (len(columns) * step - GAP, HEADER + rows * step - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, heading in enumerate(columns):
        text = heading
        while text and draw.textlength(text) > size:
            text = text[:-1]
        draw.text((column * step, 1), text, fill=INK)
    for index, image in enumerate(images):
        row, column = divmod(index, len(columns))
        sheet.paste(Image.fromarray(image), (column * step, HEADER + row * step))
    return sheet
