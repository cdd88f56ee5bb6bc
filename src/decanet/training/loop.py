"""The training loop, for every network and every recipe: read it from top to bottom.

Everything random in step t of a training is drawn from (seed, t) or (seed, epoch, sample), never from what happened
before. An interrupted training therefore resumes bit for bit, and processes agree without communication.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from decanet.core.collectives import max_over_ranks, sum_over_ranks
from decanet.core.errors import CheckpointError, DivergedError
from decanet.core.recipe import Recipe
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, autocast, seed_from, seed_torch
from decanet.data.loaders import Batch, Batches
from decanet.evaluation.metrics import Predictions
from decanet.models.weight_files import save_weights
from decanet.training.checkpoint import Checkpoints, restore, save_state
from decanet.training.distributed import cross_entropy, distribute
from decanet.training.optimizers import build_optimizers
from decanet.training.schedules import image_size_at, lr_factor
from decanet.training.selection import Epochs
from decanet.training.stopping import StopRequest

# A loss of this many times that of uniform predictions, after this fraction of the steps and this many of them, does
# not recover.
HOPELESS, SETTLED, FEW_STEPS = 10, 0.1, 20


@dataclass(frozen=True)
class Line:
    """A line of the training log.

    Attributes:
        step: number of steps so far.
        epoch: number of epochs so far, with fraction: images trained on over images in the training set.
        loss, accuracy: means over the images since the last line, computed before each update.
        lr: learning rate of the optimizer's first parameter group.
        seconds: training time so far, over all sessions of a resumed run.
        images_per_second: throughput since the last line.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float
    lr: float
    seconds: float
    images_per_second: float


@dataclass
class Progress:
    """What a training has done so far. All of it is saved in the checkpoint.

    The last log line is saved too: writing it to the log may be what fails when a training ends early.
    """

    step: int = 0
    seconds: float = 0.0
    images: int = 0
    validation_errors: list[float] = field(default_factory=list)
    line: dict[str, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for the checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict()``."""
        vars(self).update(state)


def train(
    recipe: Recipe,
    model: nn.Module,
    batches: Batches,
    *,
    run: RunFolder,
    device: torch.device,
    ranks: Ranks,
    resume: bool,
    on_line: Callable[[Line], None],
    on_epoch: Callable[[float, float], None],
    on_step: Callable[[Progress], None] = lambda _: None,
    validate: Callable[[nn.Module], Predictions] | None,
    stop: StopRequest,
    num_classes: int | None = None,
) -> tuple[nn.Module, Progress]:
    """Train ``model`` by ``recipe`` and return the network to evaluate: the moving average if the recipe has one.

    Args:
        recipe: resolved.
        batches: of the training set.
        run: where checkpoints are saved.
        resume: continue from the run's checkpoint instead of starting.
        on_line: called with each log line.
        on_epoch: called with the number of epochs so far and the validation error, after each validation.
        on_step: called after each step.
        validate: evaluates a network on the validation set; called after each epoch, a shortened one included.
        stop: read after each step.
        num_classes: needed for MixUp and CutMix, which blend labels.

    The checkpoint stays on the disk, also after the last step: the caller removes it when the result is written.

    Raises:
        DivergedError: the loss is no longer a number, or hopelessly large.
        Interrupted, Preempted: the training was asked to stop; the checkpoint is saved, as it is for any other error.
    """
    begin = time.perf_counter()
    progress = Progress()
    model = model.to(device).to(memory_format=torch.channels_last)
    ema = _moving_average(model, recipe.ema)
    optimizers = build_optimizers(recipe.optimizer, model, recipe.precision)
    total_steps = max(1, round(recipe.epochs * batches.steps_per_epoch))
    epochs = Epochs(recipe.selection, batches.count, recipe.batch_size, total_steps)
    window = _Window(device, ranks)
    # Everything that a training consists of; each part saves and loads its own state.
    parts: dict[str, Any] = {
        "model": model, "optimizers": optimizers, "epochs": epochs, "progress": progress, "window": window,
    }  # fmt: skip
    if ema:
        parts["ema"] = ema
    if resume:
        restore(parts, run.checkpoint)
        if progress.step > total_steps:
            raise CheckpointError(f"{run.checkpoint} is past step {total_steps}; train again")
    parallel = distribute(model, ranks, device)
    parallel.train()
    evaluated = ema.module if ema else model
    mix = _mixer(recipe, num_classes)
    earlier = progress.seconds

    def size_at(step: int) -> int:
        return image_size_at(recipe, (epoch_start + step) / total_steps)

    def write() -> None:
        states = {name: part.state_dict() for name, part in parts.items()}
        save_state({**states, "recipe": recipe.model_dump(mode="json")}, run.checkpoint)
        about = {"model": recipe.model.name, "recipe": recipe.name, "seed": str(recipe.seed)}
        save_weights(evaluated, run.weights, about)

    checkpoints = Checkpoints(write, model, ranks.is_main)
    stop.deferred, stop.together = True, ranks.world_size > 1
    with checkpoints.save_on_failure():
        while True:
            epoch, first = epochs.locate(progress.step)
            # Validate here and not after the epoch: a run that was stopped at its end validates when it resumes.
            if validate is not None and first == 0 and len(progress.validation_errors) < epoch:
                with stop.at_once():
                    error = 1 - validate(evaluated).accuracy()
                parallel.train()
                on_epoch(progress.step / batches.steps_per_epoch, error)
                progress.validation_errors.append(error)
            if progress.step == total_steps:
                break
            epoch_start = progress.step - first
            samples = epochs.samples(epoch, first)
            for batch in stop.between(batches.epoch(epoch, first, size_at, samples)):
                checkpoints.begin_step()
                seed_torch(seed_from(recipe.seed, "step", progress.step, ranks.rank), device)
                done = progress.step / total_steps
                optimizers.set_lr(lr_factor(recipe.schedule, done, progress.validation_errors))

                images, targets = mix(batch.images, batch.labels)
                with autocast(device, recipe.precision):
                    output = parallel(images)
                fraction = len(images) * ranks.world_size / batch.total
                loss = _loss(output, targets, model, recipe.label_smoothing, fraction)
                loss.backward()
                if recipe.clip_gradient:
                    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_gradient)
                with checkpoints.update():
                    optimizers.step()
                    optimizers.zero_grad()
                    if ema:
                        ema.update_parameters(model)
                    progress.step += 1
                    progress.images += batch.total
                    progress.seconds = earlier + time.perf_counter() - begin
                    logits = (output if isinstance(output, Tensor) else output.logits).detach()
                    epochs.record_losses(batch, logits, ranks)
                    window.add(loss.detach(), logits, batch)

                on_step(progress)
                if progress.step % recipe.log_every == 0 or progress.step == total_steps:
                    line = window.line(progress, batches.steps_per_epoch, optimizers.lr)
                    _stop_if_diverged(line, recipe, done, logits.shape[1])
                    progress.line = asdict(line)
                    on_line(line)
                if progress.step == total_steps:
                    break
                stop.number = max_over_ranks(stop.number, ranks, device)
                if stop.number:
                    checkpoints.save()
                    raise stop.error(f" at step {progress.step} of {total_steps}, everything is saved")
                checkpoints.save_if_due()
        progress.seconds = earlier + time.perf_counter() - begin
        checkpoints.save()
        if max_over_ranks(stop.number, ranks, device):
            raise stop.error(" after the last step, everything is saved")
    stop.deferred = False
    return evaluated, progress


def _loss(output: Any, targets: Tensor, model: nn.Module, smoothing: float, fraction: float) -> Tensor:
    """Cross-entropy; that of auxiliary classifiers is added with the paper's weight."""
    if isinstance(output, Tensor):
        return cross_entropy(output, targets, smoothing, fraction)
    loss = cross_entropy(output.logits, targets, smoothing, fraction)
    for logits in output.aux:
        loss = loss + model.aux_weight * cross_entropy(logits, targets, smoothing, fraction)  # type: ignore[operator]
    return loss


def _stop_if_diverged(line: Line, recipe: Recipe, done: float, classes: int) -> None:
    """Raise DivergedError for a loss that does not recover; ``done`` is the fraction of the steps before the last."""
    uniform = math.log(max(2, classes))
    limit = HOPELESS * uniform if done > SETTLED and line.step > FEW_STEPS else math.inf
    if line.loss < limit:  # false for NaN as well
        return
    raise DivergedError(
        f"the loss became {line.loss:g} at step {line.step}, where uniform predictions have {uniform:.1f}; "
        f"lower optimizer.lr (now {recipe.optimizer.lr:g}), set clip_gradient=1, "
        f"or start from a recipe that suits {recipe.model.name} (decanet train --list)"
    )


class _Window:
    """Sums since the last log line, kept on the device so that no step waits for their values."""

    def __init__(self, device: torch.device, ranks: Ranks) -> None:
        self.device, self.ranks = device, ranks
        self._reset(0.0)

    def _reset(self, seconds: float) -> None:
        self.seconds = seconds
        self.loss = torch.zeros((), device=self.device)
        self.correct = torch.zeros((), device=self.device)
        self.images = 0.0  # this process's part of the global batches

    def add(self, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        part = batch.total / self.ranks.world_size
        self.loss += loss.float() * part
        self.correct += (logits.argmax(1) == batch.labels).sum()
        self.images += part

    def line(self, progress: Progress, steps_per_epoch: int, lr: float) -> Line:
        sums = torch.stack([self.loss, self.correct, torch.tensor(self.images, device=self.device)])
        loss, correct, images = sum_over_ranks(sums, self.ranks).tolist()
        line = Line(
            step=progress.step,
            epoch=progress.step / steps_per_epoch,
            loss=loss / images,
            accuracy=correct / images,
            lr=lr,
            seconds=progress.seconds,
            images_per_second=images / max(progress.seconds - self.seconds, 1e-9),
        )
        self._reset(progress.seconds)
        return line

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of this process for the checkpoint."""
        return {"seconds": self.seconds, "loss": self.loss, "correct": self.correct, "images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the main process's ``state_dict()``; the other processes' sums are not saved."""
        if self.ranks.is_main:
            vars(self).update(state)
            self.loss, self.correct = self.loss.to(self.device), self.correct.to(self.device)


def _moving_average(model: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel | None:
    """The exponential moving average (EMA) of the weights and buffers; None for a decay of 0."""
    if not decay:
        return None
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def _mixer(recipe: Recipe, num_classes: int | None) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """MixUp or CutMix from torchvision, each with probability 1/2 where the recipe has both; returns soft labels."""
    if not recipe.augmentation.mixup and not recipe.augmentation.cutmix:
        return lambda images, labels: (images, labels)
    from torchvision.transforms import v2

    choices: list[Any] = []
    if recipe.augmentation.mixup:
        choices.append(v2.MixUp(alpha=recipe.augmentation.mixup, num_classes=num_classes))
    if recipe.augmentation.cutmix:
        choices.append(v2.CutMix(alpha=recipe.augmentation.cutmix, num_classes=num_classes))
    return v2.RandomChoice(choices)
