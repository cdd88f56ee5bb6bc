"""Structures: branches, shortcuts, repeated blocks, and graphs of any kind without a lost layer."""

from hypothesis import given, settings
from torch import nn

from decanet.anatomy.diagram.cells import make_cells
from decanet.anatomy.diagram.graph import Graph, record
from decanet.anatomy.diagram.structure import Parallel, Repeat, Tangle, cells_of, structure_of
from tests.anatomy.diagram.graphs import Crossed, random_graphs, structure


def _repeats(name: str) -> list[int]:
    return [len(item.blocks) for item in structure(name).chain if isinstance(item, Repeat)]


@given(random_graphs())
@settings(max_examples=40)
def test_every_layer_occurs_once_in_an_order_in_which_it_can_run(graph: Graph) -> None:
    cells, _, _ = make_cells(graph)
    found = list(cells_of(structure_of(graph).chain))
    assert sorted(cell.title for cell in found) == sorted(cell.title for cell in cells)
    places = {cell.title: place for place, cell in enumerate(found)}
    for cell in found:
        assert all(places[cells[source].title] < places[cell.title] for source in cell.inputs)


def test_equal_blocks_are_folded() -> None:
    """Table 1 of He et al. has 3, 8, 36 and 3 blocks; the first of each has a projection."""
    assert _repeats("resnet152") == [2, 7, 35, 2]
    assert _repeats("resnet110_cifar") == [18, 17, 17]
    assert _repeats("plain110_cifar") == [18, 17, 17]
    assert _repeats("vit_b16") == [12]
    assert _repeats("densenet121") == [6, 12, 24, 16]


def test_single_layers_are_not_folded() -> None:
    assert _repeats("vgg19") == []


def test_an_inception_module_has_four_branches_and_its_auxiliary_classifiers_keep_their_places() -> None:
    googlenet = structure("googlenet")
    modules = [item for item in googlenet.chain if isinstance(item, Parallel)]
    assert [[len(branch) for branch in module.branches] for module in modules] == [[1, 2, 2, 2]] * 9
    read = [list(cells_of((googlenet.chain[place],)))[-1].stage for place, _ in googlenet.auxiliary]
    assert read == ["inception_4a", "inception_4d"]


def test_branches_that_branch_again_end_at_one_concatenation() -> None:
    item = next(i for i in reversed(structure("inception_v3").chain) if isinstance(i, Repeat))
    (module,) = item.items
    assert isinstance(module, Parallel)
    inner = [part for branch in module.branches for part in branch if isinstance(part, Parallel)]
    assert [part.join for part in inner] == [None, None]
    assert module.join
    assert module.join.title == "concatenate"


def test_a_gate_is_a_branch_beside_the_signal() -> None:
    block = next(i for i in structure("se_resnet50").chain if isinstance(i, Parallel))
    gate = next(i for branch in block.branches for i in branch if isinstance(i, Parallel))
    assert gate.join
    assert gate.join.title == "multiply"
    assert sorted(len(branch) for branch in gate.branches) == [0, 3]


def test_branches_that_read_each_other_are_a_tangle() -> None:
    (tangle,) = (i for i in structure_of(record(Crossed(), (3, 8, 8))).chain if isinstance(i, Tangle))
    assert [cell.title for cell in tangle.cells] == ["3×3 conv, 8", "add", "1×1 conv, 8", "concatenate"]
    assert set(tangle.links) == {(-1, 1), (-1, 3), (0, 3)}


def test_a_plain_chain_of_ones_own() -> None:
    own = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    assert [c.title for c in cells_of(structure_of(record(own, (3, 8, 8))).chain)] == [
        "image",
        "3×3 conv, 4",
        "linear, 2",
    ]
