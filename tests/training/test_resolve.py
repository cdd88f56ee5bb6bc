"""Resolving recipes: values that are filled in, and settings that do not fit together."""

from dataclasses import replace

import pytest
import torch

from decanet.core.errors import UsageError
from decanet.training.resolve import resolve
from tests.training.conftest import CPU, Trainer


def test_auto_precision_of_a_small_network_is_float32(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def machine_with_bfloat16(wanted: str, _: torch.device) -> str:
        return "bfloat16" if wanted == "auto" else wanted

    monkeypatch.setattr("decanet.evaluation.specification.choose_precision", machine_with_bfloat16)
    lenet5 = ["model.name=lenet5", "data.image_size=32"]  # 0.3 million multiply-adds an image
    assert trainer.recipe("precision=auto", *lenet5).precision == "float32"
    assert trainer.recipe("precision=bfloat16", *lenet5).precision == "bfloat16"
    assert (
        trainer.recipe("precision=auto", "data.image_size=32").precision == "bfloat16"
    )  # decanet_s has 20 million


def test_a_plateau_without_validation_is_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match="set validation"):
        trainer.recipe('schedule={"shape": "plateau"}')


@pytest.mark.parametrize("resize", ["null", "37"])
def test_ten_crops_of_images_that_fill_the_network_are_refused_before_training(
    trainer: Trainer, resize: str
) -> None:
    """Training shows the whole of a 32x32 image; crops of it enlarged to 37x37 are another kind of image."""
    trainer.data = replace(trainer.data, flippable=True)
    with pytest.raises(UsageError, match="tta=flip_shift"):
        trainer.recipe("data.image_size=32", "tta=ten_crop", f"augmentation.resize={resize}")


def test_evaluation_uses_the_size_that_training_crops_from(trainer: Trainer) -> None:
    trainer.data = replace(trainer.data, flippable=True)
    assert trainer.recipe("data.image_size=32", "augmentation.resize=37").augmentation.resize == 32
    assert trainer.recipe("data.image_size=24", "augmentation.resize=28").augmentation.resize == 28
    assert trainer.recipe("data.image_size=24", "tta=ten_crop", "augmentation.resize=28").tta == "ten_crop"


@pytest.mark.parametrize("tta", ["flip", "flip_shift", "ten_crop"])
def test_images_that_flips_change_are_evaluated_without_them(trainer: Trainer, tta: str) -> None:
    assert not trainer.data.flippable
    assert trainer.recipe(f"tta={tta}").tta == "none"
    trainer.data = replace(trainer.data, flippable=True)
    assert trainer.recipe(f"tta={tta}", "augmentation.resize=20").tta == tta


def test_crops_larger_than_the_resized_image_are_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match="at least 32x32"):
        trainer.recipe("data.image_size=32", "augmentation.resize=28")


def test_a_resolved_recipe_leaves_nothing_open(trainer: Trainer) -> None:
    for name, channels in (("decanet_s", 3), ("lenet5_modern", 1)):
        recipe = trainer.recipe(f"model.name={name}", "data.image_size=null", "precision=auto")
        assert recipe.data.channels == channels
        assert recipe.data.image_size == 32
        assert (recipe.data.mean, recipe.data.std) == (trainer.data.mean, trainer.data.std)
        assert recipe.precision in {"float32", "bfloat16"}
        assert resolve(recipe, trainer.data, CPU) == recipe, "resolving again changes nothing"


def test_channels_that_the_network_does_not_take_are_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match=r"decanet_s takes images with 3 channels; got data\.channels=1"):
        trainer.recipe("data.channels=1")


def test_crop_padding_wider_than_the_image_is_refused(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match=r"crop_padding=17 is wider than the image itself.*the most is 16"):
        trainer.recipe("augmentation.crop_padding=17")
