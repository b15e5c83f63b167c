"""The trainer of all models: the loop, optimizers, checkpoints and recorded values."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

import torch
from torch import Tensor, nn

from bestseller import params
from bestseller.base.compute import autocast, place
from bestseller.base.errors import BestsellerError
from bestseller.base.progress import Progress
from bestseller.gans.batch import Batch
from bestseller.gans.gan import Gan, JointModel, Model, Stats
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.diffaugment import diffaugment
from bestseller.training.ema import MovingAverage
from bestseller.training.monitor import Monitor
from bestseller.training.processes import average, share_batch_norm, shares_training
from bestseller.training.recording import Recorder

# Raise this when a change of this package changes what a training computes. Checkpoints of an
# older version are then not used.
VERSION = 1


@dataclass(frozen=True)
class Plan:
    """The length and the settings of a training.

    Attributes:
        name: the matrix item, such as ``dcgan-centroid-0``.
        shared: the train section.
        settings: the GAN's own section.
        images: number of training images.
    """

    name: str
    shared: params.Shared
    settings: params.GanSettings
    images: int

    @property
    def steps(self) -> int:
        """Number of generator steps: the epochs' images over the batch size, at least one."""
        return max(1, round(self.settings.epochs * self.images / self.settings.batch_size))

    @property
    def epochs(self) -> int:
        """Number of epochs; the last one may be shorter than the others."""
        return sum(self.epoch_ends(step) for step in range(1, self.steps + 1))

    def epoch_ends(self, step: int) -> bool:
        """Tell whether an epoch, or the training, ends with this step (counted from 1)."""
        if step == self.steps:
            return True
        images = step * self.settings.batch_size
        return images // self.images > (images - self.settings.batch_size) // self.images


class Trainer:
    """Trains a GAN to the end of its plan, from its checkpoint if there is one.

    In each step, z, the order of the data and the augmentation depend on (seed, step) alone. So a
    training that was killed and continued ends with the same weights as one that was not, bit for
    bit if the number of threads is the same.

    Args:
        gan: the model with its networks and losses, freshly initialised.
        plan: the length and the settings of the training.
        batches: the batch of each step.
        constraint: the centroid constraint, None for plain training.
        checkpoint: the file that keeps the state.
        monitor: records curves and sample grids.
        checkpoint_s: seconds between two checkpoints.
    """

    def __init__(
        self,
        gan: Model,
        plan: Plan,
        batches: Batches,
        *,
        constraint: CentroidConstraint | None,
        checkpoint: Checkpoint,
        monitor: Monitor,
        checkpoint_s: float = 60.0,
    ) -> None:
        self.gan, self.constraint = gan.train(), constraint
        share_batch_norm(gan)
        place(gan)
        if constraint is not None:
            place(constraint)
        self.checkpoint_s = checkpoint_s
        self.plan, self.batches, self.checkpoint, self.monitor = (
            plan,
            batches,
            checkpoint,
            monitor,
        )
        self.average = MovingAverage(self.gan.generator, plan.shared.ema_half_life)
        self.optimizers = {name: self._adam(part) for name, part in gan.learners().items()}
        self.recorder: Recorder | None = None
        if self.batches.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # each step has the sizes of the one before
            if gan.recordable and not shares_training():
                self.recorder = Recorder(self._descend, self.batches.device)
        self.step, self.seconds = 0, 0.0

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        settings, on_gpu = self.plan.settings, self.batches.device.type == "cuda"
        return torch.optim.Adam(
            network.parameters(),
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            fused=True,
            capturable=on_gpu,  # a CUDA graph reads the number of steps and the rate from tensors
        )

    def _set_rate(self, rate: float) -> None:
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                if not group["capturable"]:
                    group["lr"] = rate
                elif isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = torch.tensor(rate, device=self.batches.device)

    def train(self) -> nn.Module:
        """Run the remaining steps; return the generator's moving average.

        Raises:
            BestsellerError: the losses are no longer finite. The last checkpoint stays.
        """
        self._resume()
        size = self.plan.settings.batch_size
        started = saved = time.monotonic()
        name = f"train {self.plan.name}" if self.batches.group.is_first else ""
        with Progress(name, self.plan.steps * size, "img") as progress:
            progress.update(self.step * size)
            while self.step < self.plan.steps:
                self.monitor.add(self._train_step(self.batches[self.step]))
                self.step += 1
                progress.update(size)
                if self.plan.epoch_ends(self.step):
                    self._end_epoch(progress)
                if time.monotonic() - saved >= self.checkpoint_s:
                    self._save(self.seconds + time.monotonic() - started)
                    saved = time.monotonic()
        self.seconds += time.monotonic() - started
        return self.average.network

    def timing(self) -> dict[str, float]:
        """Return the training's wall time, summed over all its runs, and its speed."""
        images = self.step * self.plan.settings.batch_size
        return {"seconds": self.seconds, "images_per_second": images / self.seconds}

    def _train_step(self, batch: Batch) -> Stats:
        size, done = self.plan.settings.batch_size, self.step / self.plan.steps
        if self.gan.start_step(done):
            for optimizer in self.optimizers.values():
                optimizer.state.clear()
            self.average.restart(self.step * size)
            if self.recorder is not None:
                self.recorder.forget()
        self._set_rate(self.plan.settings.lr * self.gan.rate(done))
        batch = self.gan.prepare(batch)
        if self.recorder is None:
            stats = self._descend(batch)
        else:
            stats = self.recorder.run(self._is_constrained(), batch)
        self.average.update(size, (self.step + 1) * size)
        return stats

    def _descend(self, batch: Batch) -> Stats:
        if isinstance(self.gan, JointModel):
            return self._descend_jointly(self.gan, batch)
        return self._alternate(cast(Gan, self.gan), batch)

    def _descend_jointly(self, model: JointModel, batch: Batch) -> Stats:
        """Take one optimizer step on the single loss of the model."""
        with autocast(self.plan.shared.precision):
            loss, images, stats = model.loss(batch)
            loss, stats = self._constrained(loss, images, batch, stats)
        stats["g_gradient_norm"] = _step(self.optimizers["g"], loss)
        return stats

    def _alternate(self, gan: Gan, batch: Batch) -> Stats:
        """Take a discriminator step and a generator step; both use the same generated images."""
        names = self.plan.shared.diffaugment
        with autocast(self.plan.shared.precision):
            fake = gan.generator(batch.z, batch.conditions)
            fake = fake.float().contiguous(memory_format=torch.channels_last)

        with autocast(self.plan.shared.precision):
            real_seen = diffaugment(gan.shown_real(batch.real), names, batch.random)
            fake_seen = diffaugment(gan.shown(fake.detach()), names, batch.random)
            d_loss, stats = gan.discriminator_loss(real_seen, fake_seen, batch.told, batch.random)
        stats["d_gradient_norm"] = _step(self.optimizers["d"], d_loss)

        with frozen(gan.discriminator), autocast(self.plan.shared.precision):
            fake_seen = diffaugment(gan.shown(fake), names, batch.random)
            g_loss, g_stats = gan.generator_loss(fake_seen, batch.told)
            stats |= {"d_loss": d_loss.detach(), "g_loss": g_loss.detach()} | g_stats
            g_loss, stats = self._constrained(g_loss, fake, batch, stats)
        stats["g_gradient_norm"] = _step(self.optimizers["g"], g_loss)
        return stats

    def _constrained(
        self, loss: Tensor, images: Tensor, batch: Batch, stats: Stats
    ) -> tuple[Tensor, Stats]:
        """Add the centroid constraint's term to the generator's loss if this step uses it."""
        if self.constraint is None or not self._is_constrained():
            return loss, stats
        term, watched = self.constraint.term(images, batch.conditions, loss)
        return loss + term, stats | watched

    def _is_constrained(self) -> bool:
        done = self.step / self.plan.steps
        return self.constraint is not None and self.constraint.applies(self.step, done)

    def _end_epoch(self, progress: Progress) -> None:
        images = self.step * self.plan.settings.batch_size
        row = self.monitor.end_epoch(self.average.network, images, images / self.plan.images)
        losses = {name: row[name] for name in ("d_loss", "g_loss") if name in row}
        if not isfinite(sum(losses.values())):
            raise BestsellerError(
                f"train.{self.plan.name.partition('-')[0]}: the losses are not finite after "
                f"{images} images; lower lr (now {self.plan.settings.lr:g}) and run again"
            )
        told = (f"{name[0].upper()} {value:.2f}" for name, value in losses.items())
        progress.update(0, " ".join(told))

    def _save(self, seconds: float) -> None:
        if not self.batches.group.is_first:
            return
        networks = {"gan": self.gan, "average": self.average.network}
        parts = (networks | self.optimizers).items()
        state: dict[str, Any] = {name: part.state_dict() for name, part in parts}
        state |= {"step": self.step, "seconds": seconds, "monitor": self.monitor.state()}
        state["average_started"] = self.average.started
        if self.constraint is not None:
            state["constraint"] = self.constraint.gradients
        self.checkpoint.save(state)

    def _resume(self) -> None:
        state = self.checkpoint.load()
        if state is None:
            return
        self.gan.load_state_dict(state["gan"])
        self.average.network.load_state_dict(state["average"])
        self.average.started = state["average_started"]
        for name, optimizer in self.optimizers.items():
            fresh = optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["capturable"]
            optimizer.load_state_dict(state[name])
            optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["capturable"] = fresh
        if self.constraint is not None:
            self.constraint.gradients.copy_(state["constraint"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.gan.start_step((self.step - 1) / self.plan.steps)
        self.monitor.restore(state["monitor"])


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    """Take one optimizer step; return the Euclidean norm of the gradient over all weights."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    average(gradients)
    norm = nn.utils.get_total_norm(gradients)
    optimizer.step()
    return norm


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Compute no gradients of the network's weights while another network is trained through it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
