"""Page "versus": thirty test images, classified by a person and by the network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from decanet.explorer.session import Session, alone
from decanet.insight.sample_images import pixels_of
from decanet.insight.subject import normalize

ORDER = 90
COUNT = 30  # images of one round


@alone
def images(session: Session, asked: Mapping[str, Any]) -> Any:
    """Some test images drawn by the round's number, their labels, and what the network predicts.

    Without the test images of CIFAR-10, or for a network of other classes, there are none.
    """
    trained, data = session.network(asked), session.test_images
    if data is None or data.classes != trained.classes:
        return {"pixels": None}
    drawn = np.random.default_rng(int(asked["round"])).choice(len(data.test), COUNT, replace=False)
    chosen = torch.from_numpy(drawn)
    pixels = pixels_of(trained, data, chosen).permute(0, 2, 3, 1).contiguous().numpy()
    with torch.inference_mode():
        probabilities = trained.model(normalize(trained, pixels)).float().softmax(1)
    return {
        "classes": list(data.classes), "pixels": pixels, "labels": data.test.labels[chosen].tolist(),
        "predicted": probabilities.argmax(1).tolist(), "confidence": probabilities.amax(1).tolist(),
    }  # fmt: skip


QUESTIONS = {"images": images}
