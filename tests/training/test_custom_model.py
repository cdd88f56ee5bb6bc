"""Training of the caller's own module instead of a registered network."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from decanet.core.errors import CheckpointError, DataError, UsageError
from decanet.core.recipe_files import override
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, ranks_from_environment
from decanet.data.loaders import memory
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.runs import load_run
from decanet.training.distributed import process_group
from decanet.training.dry_run import dry_run
from decanet.training.recipes import load_recipe
from decanet.training.resolve import qualified_name, resolve
from decanet.training.session import run_training
from tests.training.conftest import CPU, Recorder, Trainer, few_digits, in_two_processes

NAME = f"{__name__}.TinyNet"
SETTINGS = ("batch_size=40", "epochs=6", "precision=float32", "tta=none", "optimizer.lr=0.01")


class TinyNet(nn.Module):
    """A network of the caller's own for 32x32 images."""

    def __init__(self, in_channels: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 16, 4, stride=4)
        self.head = nn.Linear(16 * 64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).relu().flatten(1))


@pytest.fixture
def model() -> TinyNet:
    torch.manual_seed(0)
    return TinyNet()


def train(trainer: Trainer, model: nn.Module, *settings: str) -> tuple[RunFolder, dict[str, object], Tensor]:
    recipe = resolve(override(load_recipe("tutorial"), [*SETTINGS, *settings]), trainer.data, CPU, model)
    run = RunFolder(trainer.folder / "own")
    result, predictions = run_training(
        recipe, trainer.data, run, device=CPU, ranks=Ranks(), report=Recorder(), model=model
    )
    return run, result, predictions.probabilities


def test_a_custom_model_is_trained_in_place_and_recorded_by_its_class(
    trainer: Trainer, model: TinyNet
) -> None:
    before = copy.deepcopy(model)
    run, result, probabilities = train(trainer, model)
    assert result["model"] == NAME == qualified_name(model)
    assert result["params"] == sum(p.numel() for p in model.parameters())
    assert result["macs"] == 16 * 48 * 64 + 16 * 64 * 10
    assert float(result["test_top1"]) > 0.7
    assert not torch.equal(model.head.weight, before.head.weight)
    again = load_run(run.path, CPU, model=TinyNet())
    assert again.recipe.model.name == NAME
    assert again.recipe.model.custom
    assert (again.spec.image_size, again.spec.channels) == (32, 3), "the data's own size"
    evaluated = evaluate_split(again.model, again.recipe, trainer.data, "test", CPU)
    torch.testing.assert_close(evaluated.probabilities, probabilities)


def test_a_run_of_a_custom_model_asks_for_the_module(trainer: Trainer, model: TinyNet) -> None:
    run, _, _ = train(trainer, model, "epochs=0.1")
    with pytest.raises(UsageError, match=rf"{NAME}, a module of your own.*model="):
        load_run(run.path, CPU)
    with pytest.raises(UsageError, match=rf"{NAME}, a module of your own.*model="):
        resolve(load_run(run.path, CPU, model=TinyNet()).recipe, trainer.data, CPU)
    with pytest.raises(CheckpointError, match="another network"):
        load_run(run.path, CPU, model=TinyNet(num_classes=3))
    registered, _, _, _ = trainer(trainer.recipe("epochs=0.1"))
    with pytest.raises(UsageError, match=r"registered network decanet_s: leave model= out"):
        load_run(registered.path, CPU, model=TinyNet())


def test_a_custom_model_of_one_channel_needs_the_recipes_channels(trainer: Trainer) -> None:
    _, result, _ = train(trainer, TinyNet(in_channels=1), "data.channels=1", "epochs=0.1")
    assert result["macs"] == 16 * 16 * 64 + 16 * 64 * 10


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["data.image_size=24"],
            r"TinyNet: .* 3x24x24 image fails at head: .*set data\.image_size",
        ),
        (["data.channels=1"], r"TinyNet: .* 1x32x32 image fails at conv: .*data\.channels"),
    ],
)
def test_images_that_a_custom_model_cannot_take_are_refused(
    trainer: Trainer, model: TinyNet, settings: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        train(trainer, model, *settings)


def test_a_custom_model_with_another_number_of_classes_is_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match=r"TinyNet has outputs of shape \(1, 7\).*10 classes"):
        train(trainer, TinyNet(num_classes=7))
    assert not (trainer.folder / "own").exists()


def test_lazy_layers_without_a_size_are_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match="has lazy layers without a size"):
        train(trainer, nn.Sequential(nn.Flatten(), nn.LazyLinear(10)))


def test_a_dry_run_leaves_a_custom_model_as_it_is(trainer: Trainer, model: TinyNet) -> None:
    before = copy.deepcopy(model.state_dict())
    recipe = resolve(override(load_recipe("tutorial"), SETTINGS), trainer.data, CPU, model)
    outcome = dry_run(recipe, trainer.data, device=CPU, report=Recorder(), model=model)
    assert outcome["params"] == 16 * 48 + 16 + 10240 + 10
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


class HeadFirst(TinyNet):
    """A network whose last module is not its head."""

    def __init__(self) -> None:
        super().__init__()
        self.neck = nn.Linear(1024, 1024)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.neck(self.conv(x).relu().flatten(1)))


def test_blended_labels_have_the_classes_of_the_data(trainer: Trainer) -> None:
    train(trainer, HeadFirst(), "augmentation.mixup=0.2", "augmentation.cutmix=1.0", "epochs=0.3")


def train_as_one_of_two(folder: Path) -> None:
    ranks = ranks_from_environment()
    torch.manual_seed(ranks.rank)  # the networks differ; DistributedDataParallel sends that of rank 0 to all
    model, data = TinyNet(), few_digits()
    memory.EVALUATION_BATCH = 50  # so that both processes evaluate a part
    with process_group(ranks, CPU):
        recipe = resolve(
            override(load_recipe("tutorial"), [*SETTINGS, "epochs=0.3", "ema=0.9"]), data, CPU, model
        )
        _, predictions = run_training(
            recipe, data, RunFolder(folder / "run"), device=CPU, ranks=ranks, report=Recorder(), model=model
        )
    torch.save(predictions.probabilities, folder / f"{ranks.rank}.pt")


def test_two_processes_train_and_evaluate_the_main_processs_custom_model(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_two_processes(train_as_one_of_two, trainer.folder) == (0, 0)
    monkeypatch.setattr(memory, "EVALUATION_BATCH", 50)
    trained = load_run(trainer.folder / "run", CPU, model=TinyNet())
    assert trained.recipe is not None
    expected = evaluate_split(trained.model, trained.recipe, trainer.data, "test", CPU).probabilities
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(trainer.folder / f"{rank}.pt"), expected)
