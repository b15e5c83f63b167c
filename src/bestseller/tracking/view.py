"""The columns that MLflow's pages show of the runs: a view that the experiment shares.

MLflow keeps the columns that a person picks in the browser. A shared view is kept with the
experiment: a tag whose name ends in a key, with the state of the page as JSON. An address that
names the key opens the page in that state.
"""

import json
from collections.abc import Collection

KEY = "numbers"  # of the view, in addresses
TAG = f"mlflow.sharedViewState.{KEY}"
ADDRESS = f"?viewStateShareKey={KEY}"
MOST = 12  # metrics that are shown; with the longest names the tag is still short enough for MLflow


def state(metrics: Collection[str], tags: Collection[str]) -> str:
    """Return the tag's value: how long a run took, then a column for each tag and metric."""
    columns = ["attributes.`Duration`"]
    columns += [f"tags.`{name}`" for name in tags]
    columns += [f"metrics.`{name}`" for name in list(metrics)[:MOST]]
    shared = {"selectedColumns": columns, "columnOrder": [], "columnWidths": {}}
    return json.dumps(shared, ensure_ascii=False)
