"""Records in MLflow: a parent run for each dvc.lock, a child run for each execution of a stage."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LifecycleStage,
    Metric,
    Param,
    Run,
    RunStatus,
    RunTag,
)
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE, MLFLOW_SOURCE_NAME
from mlflow.utils.validation import (
    MAX_DATASETS_PER_BATCH,
    MAX_METRICS_PER_BATCH,
    MAX_PARAM_VAL_LENGTH,
    MAX_PARAMS_TAGS_PER_BATCH,
    MAX_TAG_VAL_LENGTH,
)

from bestseller.base.errors import BestsellerError
from bestseller.tracking import limits, naming, view
from bestseller.tracking.outbox import PIPELINE
from bestseller.tracking.record import PipelineRecord, StageRecord
from bestseller.tracking.server import without_password

EXPERIMENT = "bestseller"
LOCK_HASH = "dvc.lock_hash"  # tag of a parent run
STAGE_HASH = "dvc.stage_hash"  # tag of a child run
STAGE = "dvc.stage"  # tag of a run of a stage
LIVE = "live"  # tag of the run of a training that has not been published: the training's key
FINISHED = RunStatus.to_string(RunStatus.FINISHED)

T = TypeVar("T")


class MlflowStore:
    """MLflow as the receiver of records.

    Args:
        uri: MLflow's tracking URI.
        artifacts: folder of the artifacts where `uri` is a database; a server has its own.

    Attributes:
        client: of the store at `uri`.
        experiment: id of the experiment that holds all runs; made where there is none.
        name: the URI as it may be shown.
        altered: names that MLflow keeps otherwise, or whose values it does, of what was sent.

    Raises:
        BestsellerError: somebody has deleted the experiment.
    """

    def __init__(self, uri: str, artifacts: Path) -> None:
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.client, self.name = MlflowClient(uri), without_password(uri)
        self.altered: dict[str, None] = {}
        experiment = self.client.get_experiment_by_name(EXPERIMENT)
        if experiment and experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            raise BestsellerError(
                f"its experiment {EXPERIMENT} is deleted; restore it with `MLFLOW_TRACKING_URI="
                f"{self.name} mlflow experiments restore --experiment-id "
                f"{experiment.experiment_id}`"
            )
        is_server = uri.startswith(("http://", "https://"))
        self.experiment: str = (
            experiment.experiment_id
            if experiment
            else self.client.create_experiment(
                EXPERIMENT, artifact_location=None if is_server else artifacts.as_uri()
            )
        )

    def send(self, record: PipelineRecord, files: Path) -> None:
        """Store `record` unless it is stored already.

        A stage that the store has a finished run of was not executed again: the parent names
        that run. What an interrupted sending left unfinished is taken up or replaced.

        Args:
            record: the pipeline's state.
            files: folder holding the copies of its files, in a folder for each run.
        """
        self._share_view(record)
        found = self._find(LOCK_HASH, record.hash)
        if any(run.info.status == FINISHED for run in found):
            return
        begun_ms, ended_ms = self._span(record)
        parent = found[0] if found else self._begin(record, begun_ms)
        run_id = parent.info.run_id
        lines = ["| stage | run |", "|---|---|"]
        tags = dict(record.tags)
        for stage in record.stages:
            child, cached = self._child(stage, run_id, record, files)
            note = " (cached)" if cached else ""
            tags[f"stage.{stage.name}"] = child + note
            link = f"#/experiments/{self.experiment}/runs/{child}"
            lines.append(f"| {stage.name} | [{child[:8]}]({link}){note} |")
        tags[MLFLOW_RUN_NOTE] = "\n".join(lines)
        metrics = [Metric(k, v, record.time_ms, 0) for k, v in record.metrics.items()]
        self.log(run_id, metrics, record.params, tags)
        self._finish(run_id, files / PIPELINE, ended_ms)

    def _share_view(self, record: PipelineRecord) -> None:
        """Have the pages show the record's metrics in columns, see `view`."""
        metrics = [limits.key(name) for name in record.metrics]
        state = view.state(metrics, [limits.key(name) for name in record.shown])
        if self.client.get_experiment(self.experiment).tags.get(view.TAG) != state:
            self.client.set_experiment_tag(self.experiment, view.TAG, state)

    def _begin(self, record: PipelineRecord, begun_ms: int) -> Run:
        """Make the parent run, named by what changed.

        These are the settings that differ from the commit, else from the last run, else the stages
        that this record is the first of.
        """
        query = f"tags.`{LOCK_HASH}` LIKE '%' AND attributes.status = '{FINISHED}'"
        order = ["attributes.end_time DESC"]
        last = self.client.search_runs([self.experiment], query, max_results=1, order_by=order)
        changed = record.changed
        if last and not changed:
            changed = naming.differences(last[0].data.params, limits.settings(record.params))
            changed = changed or naming.stages([stage.name for stage in self._new(record)])
        name = naming.run_name(changed if last or changed else "first run", record.name)
        return self._create(name, LOCK_HASH, record.hash, begun_ms)

    def _new(self, record: PipelineRecord) -> list[StageRecord]:
        """Return the stages that the store has no finished run of."""
        return [
            stage
            for stage in record.stages
            if not any(r.info.status == FINISHED for r in self._find(STAGE_HASH, stage.hash))
        ]

    def _span(self, record: PipelineRecord) -> tuple[int, int]:
        """Return when the first stage began and the last ended that this record is the first of."""
        new = [stage for stage in self._new(record) if stage.begun_ms]
        if not new:
            return record.time_ms, record.time_ms
        return min(stage.begun_ms for stage in new), max(stage.ended_ms for stage in new)

    def begin_live(self, key: str, stage: str) -> str:
        """Begin the run of a training that has not ended, in place of one that was killed."""
        self.delete_live(key)
        tags = {LIVE: key, STAGE: stage}
        run = self.client.create_run(self.experiment, None, tags, f"{stage} (live)")
        return str(run.info.run_id)

    def delete_live(self, key: str) -> None:
        for run in self._find(LIVE, key):
            self.client.delete_run(run.info.run_id)

    def has_output(self, path: str, digest: str) -> bool:
        """Tell whether a finished child run made the file `path` with this MD5."""
        tag = limits.key(f"out.{path}")
        query = f"tags.`{tag}` LIKE 'md5 {digest},%' AND attributes.status = '{FINISHED}'"
        return bool(self.client.search_runs([self.experiment], query, max_results=1))

    def _child(
        self, stage: StageRecord, parent: str, record: PipelineRecord, files: Path
    ) -> tuple[str, bool]:
        """Return the stage's run and whether an earlier pipeline run made it."""
        for run in self._find(STAGE_HASH, stage.hash):
            mine = run.data.tags.get(MLFLOW_PARENT_RUN_ID) == parent
            if run.info.status == FINISHED:
                return run.info.run_id, not mine
            if mine:
                self.client.delete_run(run.info.run_id)
        begun_ms, ended_ms = stage.begun_ms or record.time_ms, stage.ended_ms or record.time_ms
        run = self._create(stage.name, STAGE_HASH, stage.hash, begun_ms, parent)
        run_id: str = run.info.run_id
        metrics = [Metric(k, v, record.time_ms, 0) for k, v in stage.metrics.items()]
        metrics += [Metric(p.key, p.value, record.time_ms, p.step) for p in stage.curves]
        self.log(run_id, metrics, stage.params, stage.tags | {STAGE: stage.name})
        read = [
            DatasetInput(
                Dataset(
                    *limits.dataset(data.path, data.digest),
                    "local",
                    json.dumps({"uri": data.path}),
                ),
                [InputTag("mlflow.data.context", stage.name[: limits.RUN_NAME])],
            )
            for data in stage.datasets
        ]
        for part in _parts(read, MAX_DATASETS_PER_BATCH) if read else [read]:
            self.client.log_inputs(run_id, list(part))
        self._finish(run_id, files / stage.name, ended_ms)
        return run_id, False

    def _find(self, tag: str, value: str) -> list[Run]:
        """Return the runs so tagged, finished ones first."""
        query = f"tags.`{tag}` = '{value}'"
        runs = self.client.search_runs([self.experiment], query, order_by=["start_time ASC"])
        return sorted(runs, key=lambda run: run.info.status != FINISHED)

    def _create(self, name: str, tag: str, value: str, begun_ms: int, parent: str = "") -> Run:
        tags = {tag: value, MLFLOW_SOURCE_NAME: "dvc repro"}
        if parent:
            tags[MLFLOW_PARENT_RUN_ID] = parent
        short = limits.shortened(name, limits.RUN_NAME)
        return self.client.create_run(self.experiment, begun_ms, tags, short)

    def log(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, str] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Add to a run, in as many requests as MLflow's limits ask for.

        Names and values that MLflow does not take are escaped or shortened, and noted.
        """
        names = dict.fromkeys(metric.key for metric in metrics)
        changed = limits.altered(names, params, MAX_PARAM_VAL_LENGTH)
        changed += limits.altered((), tags, MAX_TAG_VAL_LENGTH)
        self.altered |= dict.fromkeys(changed)
        named = [Metric(limits.key(m.key), m.value, m.timestamp, m.step) for m in metrics]
        for points in _parts(named, MAX_METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=points)
        for settings in _parts(list(limits.settings(params).items()), MAX_PARAMS_TAGS_PER_BATCH):
            self.client.log_batch(run_id, params=[Param(k, v) for k, v in settings])
        for labels in _parts(list(limits.tags(tags).items()), MAX_PARAMS_TAGS_PER_BATCH):
            self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in labels])

    def _finish(self, run_id: str, files: Path, ended_ms: int) -> None:
        if files.is_dir():
            self.client.log_artifacts(run_id, str(files))
        self.client.set_terminated(run_id, FINISHED, ended_ms)


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
