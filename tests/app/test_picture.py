"""Uploads of every kind: read as they look, or refused in a plain sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from tabs.picture import PictureInput, read_picture

RED, WHITE = (255, 0, 0), (255, 255, 255)


def red_above_blue() -> Image.Image:
    picture = Image.new("RGB", (60, 40), RED)
    picture.paste((0, 0, 255), (0, 20, 60, 40))
    return picture


def near(pixel: tuple[int, ...], colour: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif", "bmp", "tiff", "avif"])
def test_the_usual_formats_are_read(tmp_path: Path, kind: str) -> None:
    red_above_blue().save(tmp_path / f"it.{kind}")
    picture = read_picture(str(tmp_path / f"it.{kind}"))
    assert (picture.mode, picture.size) == ("RGB", (60, 40))
    assert near(picture.getpixel((30, 5)), RED)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "1", "L", "YCbCr"])
def test_the_modes_of_pillow_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("it.jpg" if mode in ("CMYK", "YCbCr") else "it.png")
    Image.new("RGB", (20, 20), "white").convert(mode).save(path)
    picture = read_picture(str(path))
    assert picture.mode == "RGB"
    assert near(picture.getpixel((9, 9)), WHITE)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_keep_their_greys(tmp_path: Path, suffix: str) -> None:
    grey = np.full((10, 10), 128 * 257, np.uint16)
    Image.fromarray(grey).save(tmp_path / f"it.{suffix}")
    assert read_picture(str(tmp_path / f"it.{suffix}")).getpixel((3, 3)) == (128, 128, 128)


def test_a_transparent_ground_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "it.png")
    assert read_picture(str(tmp_path / "it.png")).getpixel((9, 9)) == WHITE


def test_a_transparent_palette_colour_is_white(tmp_path: Path) -> None:
    Image.new("P", (20, 20), 0).save(tmp_path / "it.png", transparency=0)
    assert read_picture(str(tmp_path / "it.png")).getpixel((9, 9)) == WHITE


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # turn a quarter clockwise
    red_above_blue().rotate(90, expand=True).save(tmp_path / "it.jpg", exif=exif, quality=95)
    picture = read_picture(str(tmp_path / "it.jpg"))
    assert picture.size == (60, 40)
    assert near(picture.getpixel((30, 5)), RED, 30)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_an_animation_shows_its_first_frame(tmp_path: Path, kind: str) -> None:
    frames = [red_above_blue(), Image.new("RGB", (60, 40), "white")]
    frames[0].save(tmp_path / f"it.{kind}", save_all=True, append_images=frames[1:])
    assert near(read_picture(str(tmp_path / f"it.{kind}")).getpixel((30, 5)), RED)


def test_a_photo_of_fifty_megapixels_is_read_small(tmp_path: Path) -> None:
    Image.new("L", (8200, 6100), 200).save(tmp_path / "it.jpg")
    assert max(read_picture(str(tmp_path / "it.jpg"), longest=512).size) == 512


def bomb(path: Path) -> None:
    """A PNG of a few hundred bytes that claims to be 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def cut_short(path: Path) -> None:
    whole = path.with_suffix(".jpg")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)).save(whole)
    path.write_bytes(whole.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("not a picture"), "not a picture"),
        (lambda path: path.write_bytes(b""), "not a picture"),
        (lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "not a picture"),
        (lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "not a picture"),
        (cut_short, "damaged"),
        (bomb, "too large"),
        (lambda path: Image.new("L", (9000, 9000), 255).save(path), "too large"),
    ],
    ids=["text", "empty", "svg", "postscript", "cut short", "bomb", "huge"],
)
def test_what_is_no_picture_gets_a_sentence(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "it.png")
    with pytest.raises(InputError, match=message) as told:
        read_picture(str(tmp_path / "it.png"), field="Photo")
    assert told.value.field == "Photo"
    assert told.value.hint


def test_no_file_gets_a_sentence() -> None:
    with pytest.raises(InputError, match="no picture"):
        read_picture(None)


def test_to_gradio_the_component_is_an_image() -> None:
    with gr.Blocks():
        component = PictureInput()
    assert component.get_block_name() == "image"
    assert component.preprocess(None) is None
