"""Some test images as pixels."""

import torch

from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.evaluation.evaluate import predict
from decanet.insight.sample_images import choose_images, images_digest, predict_images
from decanet.insight.subject import load_subject


def test_predictions_are_those_of_an_evaluation(tmp_path) -> None:  # type: ignore[no-untyped-def]
    trained = load_subject("decanet_s", torch.device("cpu"))
    data = load_data("digits", cache=tmp_path, report=Silent())
    images, labels = choose_images(trained, data, 20)
    assert images.shape == (20, 3, trained.spec.image_size, trained.spec.image_size)
    batches = data.evaluation_batches(
        "test", trained.spec, resize=trained.resize, interpolation=trained.interpolation
    )
    whole = predict(
        trained.model, batches, tta="none", image_size=trained.spec.image_size, device=torch.device("cpu"),
        precision="float32",
    )  # fmt: skip
    rows = {tuple(row) for row in (whole.probabilities * 1e4).round().int().tolist()}
    found = (predict_images(trained, images) * 1e4).round().int()
    assert sum(tuple(row) in rows for row in found.tolist()) >= 18  # the rest differ in the last digit
    again, same = choose_images(trained, data, 20)
    assert torch.equal(again, images)
    assert torch.equal(same, labels)
    assert images_digest(images, labels) == images_digest(again, same)
    assert images_digest(images, labels) != images_digest(images, labels + 1)
