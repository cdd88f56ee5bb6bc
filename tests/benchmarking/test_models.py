"""The networks' benchmark measures what it says: decanet's loop and a plain one, in turn."""

import torch

from decanet.benchmarking.models import LEAST_ROUNDS, measure_model, table
from decanet.benchmarking.steps import SameBatch, loop_steps
from decanet.core.recipe import Data, Model, Recipe, Sgd
from decanet.models import create_model


def test_steps_are_those_of_the_training_loop() -> None:
    model = create_model("lenet5_modern")
    before = [p.detach().clone() for p in model.parameters()]
    recipe = Recipe(
        model=Model(name="lenet5_modern"), data=Data(image_size=32), batch_size=4, epochs=1,
        optimizer=Sgd(lr=0.1), precision="float32",
    )  # fmt: skip
    order: list[str] = []
    batches = SameBatch(torch.randn(4, 1, 32, 32), torch.tensor([0, 1, 2, 3]), 6)
    worked, prepared = loop_steps(recipe, model, batches, 5, between=lambda: order.append("between"))
    assert len(worked) == len(prepared) == len(order) == 5
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_networks_row_holds_both_loops() -> None:
    row = measure_model("lenet5_modern", batch_size=2, seconds=0)
    assert row["decanet"]["step_seconds"]["runs"] == row["plain"]["step_seconds"]["runs"] == LEAST_ROUNDS
    assert row["ratio"] > 0
    measured = {
        "models": [{**row, "ratio": 0.5}], "date": "", "float32_gflops": 1.0, "bfloat16_gflops": 1.0,
        "environment": dict.fromkeys(
            ("processor", "capability", "threads", "cores", "torch", "decanet", "commit"), ""
        ),
    }  # fmt: skip
    assert "Slower than the plain loop: `lenet5_modern` (0.50)." in table(measured)
