"""The rows against the ledger."""

from decanet.lineage import timeline as line


def row(milestones: list[line.Milestone], name: str) -> line.Milestone:
    return next(m for m in milestones if m.name == name)


def test_the_rows_say_what_the_sources_say(milestones) -> None:
    alexnet = row(milestones, "alexnet_two_tower")
    assert (alexnet.year, alexnet.depth, alexnet.params) == (2012, 8, 60_965_224)
    assert (alexnet.competition_top5_error_pct, alexnet.competition_rank) == (15.315, 1)
    assert (alexnet.library_top1_pct, alexnet.paper_test) == (None, "ten crops")
    assert row(milestones, "alexnet").library_top1_pct == 56.522
    assert [m.year for m in milestones] == sorted(m.year for m in milestones)


def test_zfnet_is_not_given_the_winners_error(milestones) -> None:
    assert row(milestones, "zfnet").competition_top5_error_pct is None


def test_depth_grew_twentyfold_while_parameters_fell(milestones) -> None:
    first, deep = row(milestones, "alexnet_two_tower"), row(milestones, "densenet201")
    assert deep.depth / first.depth > 20
    assert deep.params < first.params / 2.5


def test_all_that_alexnet_brought_is_listed(milestones) -> None:
    brought = " ".join(row(milestones, "alexnet_two_tower").innovations)
    for innovation in ("ReLU", "dropout", "local response", "overlapping", "color augmentation"):
        assert innovation in brought
    assert all(m.innovations for m in milestones)
    assert "Neocognitron" in row(milestones, "lenet5").innovations[0]  # the paper credits its predecessors


def test_what_a_network_brought_does_not_repeat_its_name(milestones) -> None:
    assert row(milestones, "vit_b16").innovations[0].startswith("a Transformer over patches")


def test_extra_data_is_said_where_it_was_used(milestones) -> None:
    text = line.markdown_table(milestones)
    assert "15.315 % (rank 1, extra data)" in text
    assert "6.656 % (rank 1)" in text


def test_auxiliary_classifiers_are_not_counted(milestones) -> None:
    assert row(milestones, "googlenet").params == 6_998_552
    assert "are left out; with them: GoogLeNet 13.4 M, Inception-v3 27.2 M." in line.markdown_table(
        milestones
    )
    assert line.auxiliary_note([row(milestones, "vgg16")]) == ""


def test_the_markdown_table_has_a_row_a_network_and_no_speed_unless_measured(milestones) -> None:
    text = line.markdown_table(milestones)
    assert text.count("\n| ") == len(milestones) + 1  # and the rule
    assert "Latency" not in text
    assert "| 2015 | ResNet-152 |" in text
    measured = line.replace(milestones[0], speed=line.Speed(1.25, 800.0, 16, 2, "channels last", True))
    timed = line.markdown_table([measured, *milestones[1:]])
    assert "1.2 ms" in timed or "1.3 ms" in timed
    assert "Measured on 2 threads, channels last" in timed


def test_speed_is_measured_for_real() -> None:
    from decanet.models import create_model

    model = create_model("decanet_s").eval()
    speed = line.measure_speed(model, (3, 32, 32), seconds=0.01, batch=4)
    assert speed.latency_ms > 0
    assert speed.images_per_second > 0
    assert not speed.fused
