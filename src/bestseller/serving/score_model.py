"""The preference score as an MLflow model; MLflow runs this file where it loads the model.

A request has a row per image: an image file in base64, framed as the catalogue's processed ones
are (square, the product centred on a plain ground), and the line to judge it for, empty for the
likeliest. The answer has a row for each, see `bestseller.preference.Scorer.score`; the nearest
best sellers are JSON text.
"""

import base64
import binascii
import json
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel
from PIL import Image

from bestseller.base.errors import BestsellerError
from bestseller.images.intake import Reject, open_image
from bestseller.preference.scorer import Scorer
from bestseller.serving.limits import check_body, check_rows


class ScoreModel(PythonModel):
    """Rows (image, line) to rows (line, similarity, score, abstains, novelty, ...)."""

    scorer: Scorer
    size: int

    def load_context(self, context: Any) -> None:
        """Load the frozen models that were packaged."""
        folders = (context.artifacts[name] for name in ("backbones", "preference", "classifier"))
        self.scorer = Scorer.load(*folders)
        if self.scorer.classifier is None:
            raise BestsellerError("the package holds no classifier, which knows lines")
        self.size = self.scorer.classifier.size

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Score an image for each row.

        Args:
            context: of MLflow, not used.
            model_input: image (base64 of a JPEG, PNG, WebP, GIF or AVIF file), line (text, may be
                missing or empty).
            params: none.

        Raises:
            BestsellerError: an image cannot be read; there are too many, or they are too large.
        """
        del context, params
        check_rows(len(model_input))
        check_body(list(model_input["image"]))
        images = np.stack([self._decoded(n, text) for n, text in enumerate(model_input["image"])])
        told = model_input["line"] if "line" in model_input else pd.Series([""] * len(images))
        lines = told.fillna("").astype(str).tolist()
        # Those without a line are scored by themselves: the classifier names it.
        parts = [
            (rows, self.scorer.score(images[rows], None if empty else [lines[r] for r in rows]))
            for empty in (True, False)
            if (rows := [row for row, line in enumerate(lines) if (line == "") == empty])
        ]
        table = pd.concat([part.set_axis(rows, axis=0) for rows, part in parts]).sort_index()
        table["neighbours"] = table["neighbours"].map(json.dumps)
        table["abstains"] = table["abstains"].astype(bool)
        return table

    def _decoded(self, row: int, text: str) -> np.ndarray:
        try:
            image = open_image(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, Reject) as error:
            raise BestsellerError(f"row {row}: no image in base64 ({error})") from error
        size = self.size
        return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


set_model(ScoreModel())
