"""A trained generator as an MLflow model; MLflow runs this file where it loads the model.

A request has a row per image wanted: the product line and the seed of its latent. The answer has
a row for each: a PNG, marked as synthetic, in base64, and the design's id. A row's image depends
on nothing but its line and seed, whatever else is asked with it.
"""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from bestseller.designs.export import write_png
from bestseller.designs.generate import as_design
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.serving.limits import check_rows, checked_seed, checked_truncation


class GeneratorModel(PythonModel):
    """Rows (line, seed) to rows (id, line, seed, model, model_hash, png)."""

    generator: TrainedGenerator

    def load_context(self, context: Any) -> None:
        """Load the generator that was packaged."""
        self.generator = load_generator(context.artifacts["generator"])

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Generate an image for each row.

        Args:
            context: of MLflow, not used.
            model_input: line (text), seed (whole number from 0).
            params: truncation (number above 0, 0 for none).

        Raises:
            BestsellerError: the model does not know a line; too many rows; a seed or the truncation
                is out of its range.
        """
        del context
        check_rows(len(model_input))
        seeds = [checked_seed(row, seed) for row, seed in enumerate(model_input["seed"])]
        truncation = checked_truncation((params or {}).get("truncation"))
        lines = list(model_input["line"])
        drawn = [
            self.generator.draw([line], seed, truncation=truncation)
            for line, seed in zip(lines, seeds, strict=True)
        ]
        latents = [draw.latents[0] for draw in drawn]
        images = self.generator.images(np.stack(latents), lines)
        rows = []
        for image, draw, line, seed in zip(images, drawn, lines, seeds, strict=True):
            design = as_design(
                self.generator,
                image,
                draw.latents[0],
                line=line,
                seed=seed,
                index=0,
                truncation=truncation,
                parents=draw.parents[0],
            )
            png = io.BytesIO()
            write_png(png, design.image, design.record)
            told = {name: design.record[name] for name in ("id", "line", "model", "model_hash")}
            rows.append(told | {"seed": seed, "png": base64.b64encode(png.getvalue()).decode()})
        return pd.DataFrame(rows)


set_model(GeneratorModel())
