"""The training loop, for every network and every recipe: read it from top to bottom.

Everything random in step t of a training is drawn from (seed, t) or (seed, epoch, sample), never from what
happened before. So a run that was interrupted goes on bit for bit, and processes agree without talking.
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
from decanet.training.selection import Passes
from decanet.training.stopping import StopRequest

# A loss so many times that of guessing does not come back after this fraction of the steps and so many of them.
HOPELESS, SETTLED, FEW_STEPS = 10, 0.1, 20


@dataclass(frozen=True)
class Line:
    """What the log says at one step.

    Attributes:
        step: steps done; epoch: passes done, with fraction.
        loss, accuracy: mean over the images since the last line, before each update.
        rate: learning rate of the first optimizer group.
        seconds: training time so far, over all sessions of a resumed run.
        images_per_second: since the last line.
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
    """What a training has done so far; all of it is in the checkpoint, and so is the last log line.

    The line's file may be what cannot be written when a training ends early.
    """

    step: int = 0
    seconds: float = 0.0
    images: int = 0
    validation_errors: list[float] = field(default_factory=list)
    line: dict[str, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
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
) -> tuple[nn.Module, Progress]:
    """Train ``model`` by ``recipe`` and return the network to judge (the averaged one, if the recipe averages).

    Args:
        recipe: resolved: its precision is not "auto".
        batches: the training split.
        run: where checkpoints go.
        resume: go on from the run's state instead of starting.
        on_line: hears each log line; on_epoch: each validation error, and after how many passes' worth of images.
        on_step: hears what is done after each step.
        validate: evaluates the network on the validation images, after each epoch.
        stop: looked at after each step.

    The state stays on the disk, also after the last step: whoever has written the result down removes it.

    Raises:
        DivergedError: the loss is no longer a number, or hopelessly large.
        Interrupted, Preempted: the training was asked to stop; the state is saved, as it is for any other error.
    """
    begin = time.perf_counter()
    progress = Progress()
    model = model.to(device).to(memory_format=torch.channels_last)
    averaged = _average(model, recipe.ema)
    optimizers = build_optimizers(recipe.optimizer, model, recipe.precision)
    total_steps = max(1, round(recipe.epochs * batches.steps_per_epoch))
    passes = Passes(recipe.selection, batches.count, recipe.batch_size, total_steps)
    window = _Window(device, ranks)
    # All that a training is made of: each part knows its own state.
    parts: dict[str, Any] = {
        "model": model, "optimizers": optimizers, "passes": passes, "progress": progress, "window": window,
    }  # fmt: skip
    if averaged:
        parts["averaged"] = averaged
    if resume:
        restore(parts, run.state)
        if progress.step > total_steps:
            raise CheckpointError(f"{run.state} has done {progress.step} of {total_steps} steps; train again")
    parallel = distribute(model, ranks, device)
    parallel.train()
    evaluated = averaged.module if averaged else model
    mix = _mixer(recipe, model)
    earlier = progress.seconds

    def size_at(step: int) -> int:
        return image_size_at(recipe, (begin_of_pass + step) / total_steps)

    def write() -> None:
        states = {name: part.state_dict() for name, part in parts.items()}
        save_state({**states, "recipe": recipe.model_dump(mode="json")}, run.state)
        about = {"model": recipe.model.name, "recipe": recipe.name, "seed": str(recipe.seed)}
        save_weights(evaluated, run.weights, about)

    checkpoints = Checkpoints(write, model, ranks.is_main)
    stop.patient, stop.together = True, ranks.world_size > 1
    with checkpoints.whatever_happens():
        while True:
            epoch, first = passes.place(progress.step)
            # Asked here and not after the pass: a run that was stopped at the end of one is judged when it goes on.
            if validate is not None and first == 0 and len(progress.validation_errors) < epoch:
                with stop.at_once():
                    error = 1 - validate(evaluated).accuracy()
                parallel.train()
                on_epoch(progress.step / batches.steps_per_epoch, error)
                progress.validation_errors.append(error)
            if progress.step == total_steps:
                break
            begin_of_pass = progress.step - first
            shown = passes.images(epoch, first)
            for batch in stop.between(batches.epoch(epoch, first, size_at, shown)):
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
                    if averaged:
                        averaged.update_parameters(model)
                    progress.step += 1
                    progress.images += batch.total
                    progress.seconds = earlier + time.perf_counter() - begin
                    logits = (output if isinstance(output, Tensor) else output.logits).detach()
                    passes.note(batch, logits, ranks)
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
    stop.patient = False
    return evaluated, progress


def _loss(output: Any, targets: Tensor, model: nn.Module, smoothing: float, fraction: float) -> Tensor:
    """Cross-entropy; networks with auxiliary classifiers add theirs with the paper's weight."""
    if isinstance(output, Tensor):
        return cross_entropy(output, targets, smoothing, fraction)
    loss = cross_entropy(output.logits, targets, smoothing, fraction)
    for logits in output.aux:
        loss = loss + model.aux_weight * cross_entropy(logits, targets, smoothing, fraction)  # type: ignore[operator]
    return loss


def _stop_if_diverged(line: Line, recipe: Recipe, done: float, classes: int) -> None:
    """``done``: the share of the training's steps before this line's last one."""
    guessing = math.log(max(2, classes))
    limit = HOPELESS * guessing if done > SETTLED and line.step > FEW_STEPS else math.inf
    if line.loss < limit:  # NaN compares false as well
        return
    raise DivergedError(
        f"the loss became {line.loss:g} at step {line.step}, where guessing would give {guessing:.1f}; "
        f"lower optimizer.lr (now {recipe.optimizer.lr:g}), set clip_gradient=1, "
        f"or start from a recipe that suits {recipe.model.name} (decanet train --list)"
    )


class _Window:
    """Sums since the last log line, kept on the device so that no step waits for the numbers."""

    def __init__(self, device: torch.device, ranks: Ranks) -> None:
        self.device, self.ranks = device, ranks
        self._reset(0.0)

    def _reset(self, seconds: float) -> None:
        self.seconds = seconds
        self.loss = torch.zeros((), device=self.device)
        self.right = torch.zeros((), device=self.device)
        self.images = 0.0  # this process's part of the global batches

    def add(self, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        part = batch.total / self.ranks.world_size
        self.loss += loss.float() * part
        self.right += (logits.argmax(1) == batch.labels).sum()
        self.images += part

    def line(self, progress: Progress, steps_per_epoch: int, lr: float) -> Line:
        sums = torch.stack([self.loss, self.right, torch.tensor(self.images, device=self.device)])
        loss, right, images = sum_over_ranks(sums, self.ranks).tolist()
        line = Line(
            step=progress.step,
            epoch=progress.step / steps_per_epoch,
            loss=loss / images,
            accuracy=right / images,
            lr=lr,
            seconds=progress.seconds,
            images_per_second=images / max(progress.seconds - self.seconds, 1e-9),
        )
        self._reset(progress.seconds)
        return line

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint: what this process has summed up."""
        return {"seconds": self.seconds, "loss": self.loss, "right": self.right, "images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the main process's ``state_dict()``; the other processes' sums were not saved."""
        if self.ranks.is_main:
            vars(self).update(state)
            self.loss, self.right = self.loss.to(self.device), self.right.to(self.device)


def _average(model: nn.Module, decay: float) -> torch.optim.swa_utils.AveragedModel | None:
    """A copy of the model that follows it slowly (Polyak averaging), buffers included."""
    if not decay:
        return None
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def _mixer(recipe: Recipe, model: nn.Module) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """MixUp or CutMix from torchvision, by a coin where the recipe has both; soft labels come out."""
    if not recipe.augmentation.mixup and not recipe.augmentation.cutmix:
        return lambda images, labels: (images, labels)
    from torchvision.transforms import v2

    classes = _output_size(model)
    choices: list[Any] = []
    if recipe.augmentation.mixup:
        choices.append(v2.MixUp(alpha=recipe.augmentation.mixup, num_classes=classes))
    if recipe.augmentation.cutmix:
        choices.append(v2.CutMix(alpha=recipe.augmentation.cutmix, num_classes=classes))
    return v2.RandomChoice(choices)


def _output_size(model: nn.Module) -> int:
    last = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    return last.out_features if isinstance(last, nn.Linear) else last.out_channels
