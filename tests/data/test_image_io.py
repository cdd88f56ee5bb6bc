"""Every form an image file can have becomes upright RGB or gray; what is no image becomes one line."""

import contextlib
import os
import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageFile

from decanet.core.errors import DataError
from decanet.data import image_io
from decanet.data.image_io import gray_of, open_rgb, read_gray, read_rgb

RGB = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)


def saved(folder, image, name="image.png", **options):
    path = folder / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(tmp_path, orientation):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255  # a bright corner tells all eight apart, with the shape
    exif = Image.Exif()
    exif[0x0112] = orientation
    ours = read_gray(saved(tmp_path, Image.fromarray(stored), exif=exif))
    corner = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}[
        orientation
    ]
    assert ours.shape == ((16, 32) if orientation < 5 else (32, 16))
    bright = np.argwhere(ours > 0.5).mean(axis=0) > np.array(ours.shape) / 2
    assert tuple(bright.astype(int)) == corner


SMOOTH = Image.fromarray(RGB).resize((400, 240), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("short_side", "fraction"), [(240, 1), (121, 1), (120, 2), (61, 2), (60, 4), (30, 8), (1, 8)]
)
def test_a_jpeg_is_not_decoded_smaller_than_requested(tmp_path, short_side, fraction):
    path = saved(tmp_path, SMOOTH, "image.jpg", quality=95)
    image = open_rgb(path, short_side)
    assert image.size == (400 // fraction, 240 // fraction)
    averaged = Image.fromarray(read_rgb(path)).reduce(fraction)
    assert abs(np.array(image).astype(int) - np.array(averaged)).mean() < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_of_any_mode_decoded_small_equals_the_reduced_one(tmp_path, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, SMOOTH.convert(mode), "image.jpg", quality=95, exif=exif)
    image = open_rgb(path, 50)
    assert (image.mode, image.size) == ("RGB", (100, 60) if orientation == 1 else (60, 100))
    averaged = Image.fromarray(read_rgb(path)).reduce(4)
    assert abs(np.array(image).astype(int) - np.array(averaged)).mean() < 2


@pytest.mark.parametrize("name", ["image.png", "image.webp", "image.tiff", "image.gif"])
def test_other_formats_are_decoded_whole(tmp_path, name):
    path = saved(tmp_path, SMOOTH, name)
    np.testing.assert_array_equal(np.array(open_rgb(path, 10)), read_rgb(path))


def test_the_first_image_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue")]
    path = saved(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_rgb(path)[0, 0], [255, 0, 0])


def test_brightness_follows_bt_601():
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [77, 77, 77]]], np.uint8)
    np.testing.assert_allclose(gray_of(colors), [[0.299, 0.587, 0.114, 1, 77 / 255]], atol=1e-6)
    assert gray_of(RGB).dtype == np.float32
    pillow = np.array(Image.fromarray(RGB).convert("L")) / 255
    assert abs(gray_of(RGB) - pillow).max() < 1 / 255


def _bomb():
    """A small PNG whose header claims 100,000 by 100,000 pixels."""
    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", size), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _cut(tmp_path, name, keep):
    path = saved(tmp_path, Image.fromarray(RGB).resize((200, 160)), name)
    return path.read_bytes()[:keep]


@pytest.mark.parametrize("read", [read_rgb, read_gray])
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.png", lambda _: b"", "is empty and no image"),
        ("text.jpg", lambda _: b"this is a letter", "no image"),
        ("bomb.png", lambda _: _bomb(), "pixels"),
        ("half.png", lambda folder: _cut(folder, "whole.png", 900), "half.png"),
        ("half.jpg", lambda folder: _cut(folder, "whole.jpg", 900), "half.jpg"),
        ("half.gif", lambda folder: _cut(folder, "whole.gif", 900), "half.gif"),
        ("half.tiff", lambda folder: _cut(folder, "whole.tiff", 900), "half.tiff"),
        ("half.bmp", lambda folder: _cut(folder, "whole.bmp", 900), "half.bmp"),
        ("half.webp", lambda folder: _cut(folder, "whole.webp", 900), "half.webp"),
    ],
)
def test_unreadable_images_are_named_in_one_line(tmp_path, recwarn, read, name, content, says):
    path = tmp_path / name
    path.write_bytes(content(tmp_path))
    with pytest.raises(DataError) as refused:
        read(path)
    assert says in refused.value.line
    assert name in refused.value.line
    assert not recwarn.list


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match=r"no image .*gone\.png"):
        read_rgb(tmp_path / "gone.png")
    with pytest.raises(DataError, match="is a folder"):
        read_rgb(tmp_path)


def test_damaged_bytes_never_end_in_a_traceback(tmp_path):
    random = np.random.default_rng(1)
    endings = [
        "png", "jpg", "gif", "tiff", "bmp", "webp", "avif", "jp2", "tga", "ico", "ppm", "pcx", "sgi", "qoi", "mpo",
    ]  # fmt: skip
    for name in (f"a.{ending}" for ending in endings):
        whole = saved(tmp_path, Image.fromarray(RGB), name).read_bytes()
        for _ in range(20):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 8):
                damaged[place] = random.integers(256)
            path = tmp_path / f"damaged-{name}"
            path.write_bytes(damaged)
            image = None
            with contextlib.suppress(DataError):
                image = read_rgb(path)
            assert image is None or (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)


# What Pillow reads wrongly by itself, and what it must never open.


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"


def iptc(content):
    """An IPTC file of one part, which Pillow opens as whatever it is."""
    fields = [(60, b"\1\0"), (20, b"\0\x09"), (30, b"\0\x09"), (120, b"\0\5")]
    head = b"".join(struct.pack(">BBBH", 28, 3, number, len(value)) + value for number, value in fields)
    return head + struct.pack(">BBBH", 28, 8, 10, len(content)) + content


@pytest.mark.parametrize("name", ["cat.jpg", "cat.eps", "cat.png", "cat"])
@pytest.mark.parametrize("wrap", [bytes, iptc])
def test_postscript_starts_no_ghostscript(tmp_path, monkeypatch, name, wrap):
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (bin / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # what Pillow remembers
    (tmp_path / name).write_bytes(wrap(POSTSCRIPT))
    with pytest.raises(DataError, match="no image that Pillow can read"):
        read_rgb(tmp_path / name)
    assert not (tmp_path / "started").exists()


def test_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", "/dev/null"):
        with pytest.raises(DataError, match="is a pipe or a device"):
            read_rgb(path)


def test_a_large_jpeg_is_read_where_a_small_one_is_wanted(tmp_path, monkeypatch):
    path = saved(tmp_path, SMOOTH, "image.jpg")
    monkeypatch.setattr(image_io, "MAX_PIXELS", 400 * 240 // 2)
    with pytest.raises(DataError, match="more than 48,000 pixels"):
        read_rgb(path)
    assert open_rgb(path, 60).size == (100, 60)


def test_large_images_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    path, decoding, most = saved(tmp_path, Image.fromarray(RGB)), [], []
    load = ImageFile.ImageFile.load

    def slow(image):
        if not image.tile:  # it is loaded already
            return load(image)
        decoding.append(id(image))  # not the image: comparing two would load them
        most.append(len(decoding))
        time.sleep(0.005)
        decoding.remove(id(image))
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", slow)
    for limit, together in ((10, False), (10_000, True)):
        monkeypatch.setattr(image_io, "LARGE_PIXELS", limit)
        most.clear()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(open_rgb, [path] * 12))
        assert (max(most) > 1) == together


def test_an_image_that_does_not_fit_into_memory_is_named(tmp_path, monkeypatch):
    def exhausted(*_):
        raise MemoryError

    path = saved(tmp_path, Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", exhausted)
    with pytest.raises(DataError, match=r"image\.png does not fit into the memory"):
        read_rgb(path)


def test_pillows_warnings_are_silent_in_threads_and_others_are_not(tmp_path, recwarn):
    description = struct.pack("<HHII", 65_000, 2, 500, 10_000_000)  # beyond the end of the file: Pillow warns
    data = bytearray(saved(tmp_path, Image.new("RGB", (40, 30)), "odd.tiff").read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    (count,) = struct.unpack_from("<H", data, start)
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)] + [description]
    data[4:8] = struct.pack("<I", len(data))
    data += (
        struct.pack("<H", len(entries)) + b"".join(sorted(entries, key=lambda entry: entry[1::-1])) + bytes(4)
    )
    path = tmp_path / "odd.tiff"
    path.write_bytes(data)
    with Image.open(path) as opened:
        opened.load()
    assert recwarn.list
    recwarn.clear()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_rgb, [path] * 20))
    assert not recwarn.list
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)
