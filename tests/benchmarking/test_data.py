"""The loaders' benchmark loads every image both ways."""

from pathlib import Path

from PIL import Image

from decanet.benchmarking.data import make_jpegs, measure_folder, measure_memory
from tests.conftest import Heard


def test_made_jpegs_are_photographs_in_two_classes(tmp_path: Path) -> None:
    make_jpegs(tmp_path, 4, (500, 375))
    paths = sorted(tmp_path.rglob("*.jpg"))
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "a/00000.jpg", "a/00002.jpg", "b/00001.jpg", "b/00003.jpg",
    ]  # fmt: skip
    with Image.open(paths[0]) as image:
        assert image.size == (500, 375)
    sizes = [path.stat().st_size for path in paths]
    assert 20_000 < min(sizes) < max(sizes) < 150_000
    assert len({path.read_bytes() for path in paths}) == 4


def test_a_folder_is_loaded_for_each_use_and_compared(tmp_path: Path, heard: Heard) -> None:
    make_jpegs(tmp_path, 4, (100, 75))
    rows = measure_folder(tmp_path, workers=0, rounds=1, report=heard)
    assert len(rows) == len(heard.notes) == 4
    for row in rows:
        assert row["images"] == 4
        assert row["ratio"]["median"] > 0
        assert min(row[name]["images_per_second_per_core"] for name in ("decanet", "torchvision")) > 0


def test_augmentation_takes_a_fraction_of_the_step(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import decanet.benchmarking.data as module
    from decanet.training.recipes import load_recipe

    small = load_recipe("quick").model_copy(update={"batch_size": 4, "precision": "float32"})
    monkeypatch.setattr(module, "load_recipe", lambda _: small)
    memory = measure_memory(rounds=1)
    assert memory["batch_size"] == 4
    assert 0 < memory["fraction_of_step_pct"] < 100
