"""Speed is measured by calling the network."""

import torch

from decanet.export.fuse import fuse
from decanet.lineage.speed import measure_network, measure_speed, median_seconds
from decanet.models import create_model


def test_a_network_is_measured_with_and_without_batch_normalization() -> None:
    model = create_model("decanet_s").eval()
    plain = measure_speed(model, (3, 32, 32), seconds=0.01, batch_size=4)
    assert plain.latency_ms > 0
    assert plain.images_per_second > 0
    assert (plain.batch_size, plain.threads, plain.layout) == (4, torch.get_num_threads(), "channels last")
    assert not plain.fused
    fused = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3)).eval()
    assert measure_speed(fuse(fused, (3, 8, 8)), (3, 8, 8), seconds=0.01, batch_size=1).fused


def test_a_registered_network_is_fused_first() -> None:
    assert measure_network("resnet20_cifar", seconds=0.01, batch_size=1).fused


def test_the_median_is_of_five_calls_after_two_warm_ups() -> None:
    calls: list[int] = []
    assert median_seconds(lambda: calls.append(1), seconds=0) >= 0
    assert len(calls) == 7
