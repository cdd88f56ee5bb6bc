"""Two networks side by side: the layers that correspond, and the totals."""

import json

import pytest
from torch import nn

from decanet.anatomy.difference import CHANGED, EQUAL, ONLY_FIRST, ONLY_SECOND, compare


def test_the_tutorials_network_differs_from_alexnet_in_its_windows_and_fc6_and_the_classes() -> None:
    found = compare("alexnet", "alexnet_cifar")
    changed = [pair.first.stage for pair in found.pairs if pair.verdict == CHANGED and pair.first]
    assert changed == ["conv1", "pool1", "conv2", "pool2", "pool5", "fc6", "fc8"]
    (missing,) = (pair for pair in found.pairs if pair.verdict == ONLY_FIRST)
    assert missing.first is not None
    assert missing.first.operation == "average pool, here the identity"
    text = str(found)
    assert "conv 11x11, stride 4, padding 2 -> 64x55x55" in text
    assert "37,752,832 -> 16,781,312" in text
    assert "alexnet: 61,100,840 parameters" in text


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_a_network_equals_itself(name: str) -> None:
    assert {pair.verdict for pair in compare(name, name).pairs} == {EQUAL}


def test_vgg19_is_vgg16_with_three_more_convolutions() -> None:
    more = [pair.second for pair in compare("vgg16", "vgg19").pairs if pair.verdict == ONLY_SECOND]
    assert [(layer.stage, layer.operation.split()[0]) for layer in more if layer] == [
        (stage, kind) for stage in ("conv3_4", "conv4_4", "conv5_4") for kind in ("conv", "ReLU")
    ]


def test_cardinality_changes_widths_and_groups_but_no_kind_of_layer() -> None:
    found = compare("resnet50", "resnext50_32x4d")
    assert {pair.verdict for pair in found.pairs} == {EQUAL, CHANGED}
    grouped = [
        p for p in found.pairs if p.verdict == CHANGED and p.second and "32 groups" in p.second.operation
    ]
    assert len(grouped) == 16, "one for each block"
    assert len(str(found).splitlines()) < 60, "the blocks of a stage are told once"
    assert "(2 times)" in str(found)


def test_networks_of_ones_own_are_compared_and_written_as_json() -> None:
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    two = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5))
    found = json.loads(json.dumps(compare(one, two, (3, 8, 8), (3, 8, 8)).to_dict()))
    assert [layer["verdict"] for layer in found["layers"]] == [EQUAL, ONLY_FIRST, EQUAL, CHANGED]
    assert [network["params"] for network in found["networks"]] == [112 + 290, 112 + 725]
