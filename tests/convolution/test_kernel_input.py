"""What is no kernel."""

import io

import numpy as np
import pytest

from decanet.convolution._kernel_input import MAX_SIZE, check_kernel
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import DataError, UsageError


def _npy(value, **options):
    file = io.BytesIO()
    np.save(file, value, **options)
    return file.getvalue()


def _false_header():
    content = _npy(np.zeros((2, 2)))
    return content.replace(b"(2, 2)", b"(90000, 90000)").replace(b" " * 12 + b"\n", b" " * 4 + b"\n")


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("sobelx", "did you mean sobel_x"),
        ("", "unknown kernel"),
        ("gaussian:sigm=2", "did you mean sigma"),
        ("edge:size=3", "it has none"),
        ("gaussian:sigma=two", "must be a number"),
        ("box:size=2.5", "must be an integer"),
        ("gaussian:sigma=nan", "between 0.1"),
        ("gaussian:sigma=1e9", "between 0.1"),
        ("box:size=0", "between 1"),
        ("box:size=100000", f"{MAX_SIZE}"),
        ("gabor:angle=inf", "finite"),
        ("[[1,2],[3]]", "ragged"),
        ("[]", "1 dimensions"),
        ("[[]]", "empty (1-by-0)"),
        ("[[[]]]", "empty"),
        ("[1,2,3]", "1 dimensions"),
        ("[[1,NaN]]", "NaN or infinity"),
        ("[[1,1e999]]", "NaN or infinity"),
        ("[[1,1e300]]", "scale them down"),
        ("[[1,\"a\"]]", "real numbers"),
        ("[[1,null]]", "real numbers"),
        ("[[1,2],", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[[__import__('os')]]", "not valid JSON"),
        (f"[[{'1,' * MAX_SIZE}1]]", "largest kernel size"),
        (f"[[{'9' * 400}]]", "real numbers"),
    ],
)  # fmt: skip
def test_invalid_kernels_are_refused_in_one_line(spelling, message):
    with pytest.raises(UsageError) as refused:
        find_kernel(spelling)
    assert message in refused.value.line
    assert len(refused.value.line) < 300


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"1,2\n3\n", "ragged"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"1,2\n3,x\n", "'x'"),
        ("a.csv", b"1,nan\n", "NaN"),
        ("a.csv", bytes(range(256)), "cannot read"),
        ("a.npy", b"", "cannot read"),
        ("a.npy", b"hello", "cannot read"),
        ("a.npy", _npy(np.array([[1, "a"]], dtype=object), allow_pickle=True), "cannot read"),
        ("a.npy", _npy(np.ones((2, 2)))[:-8], "cannot read"),
        ("a.npy", _false_header(), "cannot read"),
        ("a.npy", _npy(np.ones((3, 3), complex)), "real numbers"),
        ("a.npy", _npy(np.ones((0, 3))), "empty"),
        ("a.npy", _npy(np.ones((2000, 2))), "largest kernel size"),
    ],
)
def test_bad_kernel_files_are_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, UsageError)) as refused:
        find_kernel(str(tmp_path / name))
    assert message in refused.value.line
    assert name in refused.value.line


def test_a_missing_kernel_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no kernel file .*gone\.npy"):
        find_kernel(str(tmp_path / "gone.npy"))


def test_check_kernel_accepts_integers_and_booleans():
    assert check_kernel([[True, False]]).dtype == np.float64
