"""The benchmark of networks: training steps of decanet's loop and of a plain loop, in turn."""

from decanet.benchmarking.models import LEAST_ROUNDS, measure_model, table


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
