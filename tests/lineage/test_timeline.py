"""The milestones against the ledger."""

from decanet.lineage.timeline import Milestone


def milestone(milestones: list[Milestone], name: str) -> Milestone:
    return next(m for m in milestones if m.name == name)


def test_milestones_hold_the_numbers_of_the_sources(milestones) -> None:
    alexnet = milestone(milestones, "alexnet_two_tower")
    assert (alexnet.year, alexnet.depth, alexnet.params) == (2012, 8, 60_965_224)
    assert (alexnet.competition_top5_error_pct, alexnet.competition_rank) == (15.315, 1)
    assert (alexnet.library_top1_pct, alexnet.paper_test) == (None, "ten crops")
    assert milestone(milestones, "alexnet").library_top1_pct == 56.522
    assert [m.year for m in milestones] == sorted(m.year for m in milestones)


def test_zfnet_has_no_competition_error(milestones) -> None:
    assert milestone(milestones, "zfnet").competition_top5_error_pct is None


def test_depth_grows_twentyfold_while_parameters_fall(milestones) -> None:
    first, deep = milestone(milestones, "alexnet_two_tower"), milestone(milestones, "densenet201")
    assert deep.depth / first.depth > 20
    assert deep.params < first.params / 2.5


def test_the_innovations_of_alexnet_are_listed(milestones) -> None:
    listed = " ".join(milestone(milestones, "alexnet_two_tower").innovations)
    for innovation in ("ReLU", "dropout", "local response", "overlapping", "color augmentation"):
        assert innovation in listed
    assert all(m.innovations for m in milestones)
    assert (
        "Neocognitron" in milestone(milestones, "lenet5").innovations[0]
    )  # the paper credits its predecessors


def test_innovations_do_not_repeat_the_name(milestones) -> None:
    assert milestone(milestones, "vit_b16").innovations[0].startswith("a Transformer over patches")


def test_auxiliary_classifiers_are_counted_apart(milestones) -> None:
    googlenet = milestone(milestones, "googlenet")
    assert googlenet.params == 6_998_552
    assert googlenet.params + googlenet.params_training_only == 13_378_280
