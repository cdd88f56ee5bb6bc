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
import tifffile
from PIL import EpsImagePlugin, Image, ImageCms, ImageFile, PngImagePlugin

from decanet.core.errors import DataError
from decanet.data import image_io
from decanet.data.image_io import gray_of, open_rgb, read_gray, read_rgb

RGB = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)


def saved(folder, image, name="image.png", **options):
    path = folder / name
    image.save(path, **options)
    return path


def test_rgb_comes_back_exactly(tmp_path):
    path = saved(tmp_path, Image.fromarray(RGB))
    ours = read_rgb(path)
    assert ours.dtype == np.uint8
    assert ours.flags.writeable
    np.testing.assert_array_equal(ours, RGB)
    np.testing.assert_array_equal(read_rgb(str(path)), RGB)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "RGBX", "CMYK", "YCbCr", "LA", "PA"])
def test_modes_agree_with_pillow(tmp_path, mode):
    image = (
        Image.fromarray(RGB).convert("P").convert("PA")
        if mode == "PA"
        else Image.fromarray(RGB).convert(mode)
    )
    path = saved(tmp_path, image, "image.tiff")
    ours = read_rgb(path)
    assert ours.shape == (13, 17, 3)
    np.testing.assert_array_equal(ours, np.array(image.convert("RGB")))
    assert read_gray(path).shape == (13, 17)


def test_lab_is_turned_into_rgb(tmp_path):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(RGB), srgb, lab, outputMode="LAB")
    ours = read_rgb(saved(tmp_path, image, "image.tiff")).astype(int)
    assert abs(ours - RGB).mean() < 3


def test_transparency_lies_on_white(tmp_path):
    rgba = np.dstack([RGB, np.full((13, 17), 255, np.uint8)])
    rgba[:5, :, 3], rgba[5:8, :, 3] = 0, 128
    ours = read_rgb(saved(tmp_path, Image.fromarray(rgba))).astype(float)
    assert (ours[:5] == 255).all()
    half = RGB[5:8] * (128 / 255) + 255 * (127 / 255)
    assert abs(ours[5:8] - half).max() <= 1
    np.testing.assert_array_equal(ours[8:], RGB[8:])


def test_gray_with_transparency_lies_on_white(tmp_path):
    gray = np.zeros((4, 4, 2), np.uint8)
    gray[2:, :, 1] = 255
    ours = read_gray(saved(tmp_path, Image.fromarray(gray, "LA")))
    assert (ours[:2] == 1).all()
    assert (ours[2:] == 0).all()


def test_a_palettes_transparent_color_is_white(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([200, 10, 10, 10, 200, 10])
    path = saved(tmp_path, image, transparency=0)
    expected = [[[255, 255, 255], [10, 200, 10]], [[10, 200, 10], [255, 255, 255]]]
    np.testing.assert_array_equal(read_rgb(path), expected)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_single_transparent_color_is_white(tmp_path, mode):
    image = Image.new(mode, (2, 2))
    path = saved(tmp_path, image, transparency=(0, 0, 0) if mode == "RGB" else 0)
    assert (read_rgb(path) == 255).all()


def test_sixteen_bit_grays_keep_their_precision(tmp_path):
    deep = np.array([[0, 1, 256], [257, 32768, 65535]], np.uint16)
    path = saved(tmp_path, Image.fromarray(deep))
    np.testing.assert_allclose(read_gray(path), deep / 65535, atol=1e-7)
    np.testing.assert_array_equal(read_rgb(path)[..., 1], [[0, 0, 1], [1, 128, 255]])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 0.5, 1]], np.float32), [[0, 0.5, 1]]),
        (np.array([[-10, 0, 10]], np.float32), [[0, 0.5, 1]]),
        (np.array([[7, 7, 7]], np.float32), [[0, 0, 0]]),
        (np.array([[0, 32768, 65535]], np.int32), [[0, 32768 / 65535, 1]]),
        (np.array([[-100_000, 0, 100_000]], np.int32), [[0, 0.5, 1]]),
    ],
)
def test_floats_and_long_integers(tmp_path, values, expected):
    path = saved(tmp_path, Image.fromarray(values), "deep.tiff")
    np.testing.assert_allclose(read_gray(path), expected, atol=1e-7)


def test_a_float_image_with_nan_is_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([[0, np.nan]], np.float32)), "deep.tiff")
    with pytest.raises(DataError, match="NaN"):
        read_rgb(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(tmp_path, orientation):
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
def test_a_jpeg_is_decoded_no_smaller_than_asked_for(tmp_path, short_side, fraction):
    path = saved(tmp_path, SMOOTH, "image.jpg", quality=95)
    image = open_rgb(path, short_side)
    assert image.size == (400 // fraction, 240 // fraction)
    averaged = Image.fromarray(read_rgb(path)).reduce(fraction)
    assert abs(np.array(image).astype(int) - np.array(averaged)).mean() < 2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_odd_jpeg_decoded_small_is_the_whole_one_made_small(tmp_path, mode, orientation):
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
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, recwarn, read, name, content, says):
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


def png(pixels, color_type, *chunks):
    """A PNG of 16 bits, big-endian, with further chunks before its pixels."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


DEEP = np.add.outer(np.arange(24) * 2000, np.arange(40) * 400).astype(np.uint16)
DEEP_RGB = np.stack([DEEP, 65535 - DEEP, DEEP[::-1]], axis=-1).astype(np.uint16)


def test_a_transparent_16_bit_gray_is_white(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(png(DEEP, 0, (b"tRNS", struct.pack(">H", 2000))))
    expected = np.where(DEEP == 2000, 1, DEEP / 65535)
    assert (DEEP == 2000).any()
    np.testing.assert_allclose(read_gray(path), expected, atol=1e-6)


def test_a_transparent_16_bit_color_is_white(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(png(DEEP_RGB, 2, (b"tRNS", struct.pack(">HHH", *DEEP_RGB[3, 4].tolist()))))
    expected = (DEEP_RGB >> 8).astype(np.uint8)
    expected[(DEEP_RGB[3, 4] >> 8 == DEEP_RGB >> 8).all(axis=2)] = 255
    np.testing.assert_array_equal(read_rgb(path), expected)
    assert (read_rgb(path)[3, 4] == 255).all()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", ["contig", "separate", "tiled"])
def test_16_bit_colors_of_a_tiff_are_right_or_refused(tmp_path, order, compression, layout):
    path = tmp_path / "deep.tiff"
    pixels = DEEP_RGB if layout == "contig" else DEEP_RGB.transpose(2, 0, 1).copy()
    options = {"tile": (16, 16)} if layout == "tiled" else {}
    planar = "contig" if layout == "contig" else "separate"
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb",
        planarconfig=planar,
        byteorder=order,
        compression=compression,
        **options,
    )
    if planar == "separate" and compression is None:
        with pytest.raises(DataError, match=r"deep\.tiff keeps 16-bit channels.*magick"):
            read_rgb(path)
    else:
        np.testing.assert_array_equal(read_rgb(path), DEEP_RGB >> 8)


@pytest.mark.parametrize(
    ("pixels", "photometric", "expected"),
    [
        (DEEP, "minisblack", DEEP / 65535),
        (DEEP, "miniswhite", 1 - DEEP / 65535),
        ((DEEP / 65535).astype(np.float32), "miniswhite", 1 - DEEP / 65535),
        (DEEP.astype(np.uint32) * 60_000, "minisblack", DEEP / DEEP.max()),  # beyond 2^31
    ],
)
def test_deep_grays_of_a_tiff(tmp_path, pixels, photometric, expected):
    tifffile.imwrite(tmp_path / "deep.tiff", pixels, photometric=photometric)
    np.testing.assert_allclose(read_gray(tmp_path / "deep.tiff"), expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["text", "plain text", "international", "profile", "many"])
def test_long_texts_and_profiles_of_a_whole_png_do_no_harm(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    texts, options = PngImagePlugin.PngInfo(), {}
    if kind == "profile":
        options = {"icc_profile": bytes(3_000_000)}
    for number in range(70 if kind == "many" else 1):
        if kind == "international":
            texts.add_itxt("XML:com.adobe.xmp", "A" * 3_000_000, zip=True)
        else:
            texts.add_text(f"text {number}", "A" * 1_040_000, zip=kind == "many")
    if kind == "text":
        texts.add_text("long", "A" * 3_000_000, zip=True)
    path = saved(tmp_path, Image.fromarray(RGB), pnginfo=texts, exif=exif, **options)
    np.testing.assert_array_equal(read_rgb(path), np.rot90(RGB, -1))


def test_a_cut_png_with_a_long_text_is_still_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(RGB), icc_profile=bytes(3_000_000))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"image\.png"):
        read_rgb(path)


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
