"""Pixel formats: RGB, gray of full depth and transparency, compared with Pillow."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from decanet.core.errors import DataError
from decanet.data.image_io import read_gray, read_rgb

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


def test_lab_is_converted_to_rgb(tmp_path):
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
