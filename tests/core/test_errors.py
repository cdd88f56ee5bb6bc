"""Every error class has a stable kind and exit code, and a message of one line."""

import pytest

from decanet.core import errors
from decanet.core.errors import DataError, DecanetError, did_you_mean

# The house rules (DESIGN.md, "Errors and exit codes"): scripts rely on these.
FAMILY = {
    "UsageError": ("usage", 2),
    "DataError": ("data", 3),
    "CheckpointError": ("checkpoint", 4),
    "DivergedError": ("diverged", 5),
    "ResourceError": ("resources", 6),
    "BusyError": ("busy", 7),
    "DistributedError": ("distributed", 8),
    "Preempted": ("preempted", 75),
    "Interrupted": ("interrupted", 130),
}


@pytest.mark.parametrize(("name", "kind", "exit_code"), [(n, *v) for n, v in FAMILY.items()])
def test_each_error_has_its_stable_kind_and_exit_code(name: str, kind: str, exit_code: int) -> None:
    error = getattr(errors, name)
    assert issubclass(error, DecanetError)
    assert (error.kind, error.exit_code) == (kind, exit_code)


def test_every_error_class_has_its_own_exit_code() -> None:
    members = {cls.__name__ for cls in DecanetError.__subclasses__() if cls.__module__ == errors.__name__}
    assert members == set(FAMILY)
    assert len({code for _, code in FAMILY.values()}) == len(FAMILY)


def test_a_message_of_several_lines_is_printed_as_one_line() -> None:
    assert DataError("cannot read\n  a.png:\ttruncated\n").line == "error[data]: cannot read a.png: truncated"


def test_the_nearest_names_are_suggested_first() -> None:
    assert did_you_mean("alexnt", ["vgg16", "alexnet", "resnet18"]) == " (did you mean alexnet?)"
    assert did_you_mean("resnet1", ["resnet18", "resnet152"]).startswith(" (did you mean resnet18, ")


def test_no_name_is_suggested_when_none_is_near() -> None:
    assert did_you_mean("zzzz", ["alexnet", "vgg16"]) == ""
    assert did_you_mean("alexnet", []) == ""
