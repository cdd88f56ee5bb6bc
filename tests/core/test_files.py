"""Files appear whole or not at all."""

import errno
import json
import os
import resource
import tempfile
from pathlib import Path

import pytest

from decanet.core.errors import ResourceError, UsageError
from decanet.core.files import atomic_path, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent, "only within one file system is a rename atomic"
    assert path.read_text() == "half"
    assert names(path.parent) == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("new, but only ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text(tmp_path / "written", "x")
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="choose another place"):
        write_text(tmp_path / "file" / "below.txt", "x")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="it is a folder; give a file name"):
        write_text(tmp_path / "folder", "x")
    assert names(tmp_path) == ["folder"]


def test_a_name_that_the_system_refuses_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another place"):
        write_text(tmp_path / ("x" * 300), "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Permission denied; choose another place"):
        write_text(tmp_path / "file", "x")


def test_a_full_disk_is_a_resource_error_at_every_stage_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write_until_full() -> None:
        with atomic_path(tmp_path / "file"):
            full()

    with pytest.raises(ResourceError, match="no space left on the disk while writing"):
        write_until_full()
    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(ResourceError, match="no space left on the disk while writing"):
        write_text(tmp_path / "file", "x")
    assert names(tmp_path) == []


def test_json_is_indented_and_keeps_unicode(tmp_path: Path) -> None:
    value = {"model": "alexnet", "name": "猫", "test_top1": 0.8317}
    text = write_json(tmp_path / "result.json", value).read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "猫" in text
    assert text.endswith("}\n")


def test_nan_is_refused_in_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "result.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_a_limit_on_the_size_of_files_is_a_resource_error_in_every_format(tmp_path: Path) -> None:
    import torch

    from decanet.models.weight_files import save_weights
    from decanet.training.checkpoint import save_state

    large = torch.nn.Linear(100, 100)
    writers = {
        "a.txt": lambda path: write_text(path, "x" * 40_000),
        "a.safetensors": lambda path: save_weights(large, path, {}),
        "checkpoint.pt": lambda path: save_state(large.state_dict(), path),
    }
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        for name, write in writers.items():
            with pytest.raises(
                ResourceError, match=rf"larger than this system allows while writing .*{name}"
            ):
                write(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []
