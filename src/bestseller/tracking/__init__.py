"""The pipeline's state in MLflow: one run per dvc.lock, one child run per stage.

The truth stays in files: dvc.lock, metrics/, data/. `collect` turns them into a record, the
record is put into an outbox on disk, and `publish` sends what the outbox holds. A server that
is down costs a few seconds and a warning; nothing is lost, the outbox is sent the next time.
Stages never import MLflow, and this package is the only one that does.
"""

from bestseller.tracking.delivery import publish
from bestseller.tracking.record import PipelineRecord, collect

__all__ = ["PipelineRecord", "collect", "publish"]
