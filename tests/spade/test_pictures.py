"""Pictures: what is read and what is refused, patch densities, the encoder and its training, the hub's
shape."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from pipelines.runtime import Progress
from pipelines.spade import EXAMPLES, cutpaste
from pipelines.spade.encoder import Encoder, load, read, save
from pipelines.spade.hub import ResNetEncoder
from pipelines.spade.pictures import Pictures, analyse_pictures, heat_pixels, read_pictures
from pipelines.spade.textures import DEFECTS, any_texture, damage, weave
from pipelines.spade.train import augment, train
from pipelines.weights import asset

GENERATOR = np.random.default_rng(0)


def png(image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    image = image or Image.fromarray(GENERATOR.integers(0, 255, (20, 20, 3), dtype=np.uint8))
    image.save(buffer, format="PNG", **options)
    return buffer.getvalue()


def packed(path: Path, files: dict[str, bytes]) -> list[Path]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return [path]


def good(count: int = 14) -> dict[str, bytes]:
    folders = ["normal"] * 3 + ["anomaly"] * 2 + ["unlabelled"] * (count - 5)
    return {f"{folder}/{i}.png": png() for i, folder in enumerate(folders)}


def test_folders_say_what_is_labelled(tmp_path: Path) -> None:
    pictures = read_pictures(packed(tmp_path / "a.zip", good()))
    assert ((pictures.y == 0).sum(), (pictures.y == 1).sum(), (pictures.y == -1).sum()) == (3, 2, 9)
    assert pictures.images.shape == (14, 128, 128, 3)
    assert "14 pictures" in pictures.counted


def test_a_csv_of_labels_and_a_truth_file(tmp_path: Path) -> None:
    files = {f"{i}.png": png() for i in range(13)}
    files["labels.csv"] = b"file,label\n0.png,ok\n1.png,defect\n"
    files["truth.csv"] = b"2.png,anomaly hole\n"
    pictures = read_pictures(packed(tmp_path / "a.zip", files))
    by_name = dict(zip(pictures.names, pictures.y.tolist(), strict=True))
    assert (by_name["0.png"], by_name["1.png"], by_name["2.png"]) == (0, 1, -1)
    assert pictures.truth[pictures.names.index("2.png")] == "anomaly hole"


def test_strange_pictures_are_read(tmp_path: Path) -> None:
    random = Image.fromarray(GENERATOR.integers(0, 255, (30, 40, 3), dtype=np.uint8))
    deep = Image.fromarray(GENERATOR.integers(0, 65535, (30, 30)).astype(np.uint16))
    clear = random.convert("RGBA")
    clear.putalpha(0)
    buffer = io.BytesIO()
    random.convert("CMYK").save(buffer, format="JPEG")
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    random.save(turned, format="JPEG", exif=exif)
    moving = io.BytesIO()
    random.save(moving, format="GIF", save_all=True, append_images=[random.rotate(90)])
    files = good() | {
        "deep.png": png(deep), "clear.png": png(clear), "cmyk.jpg": buffer.getvalue(), "turned.jpg":
        turned.getvalue(),
        "moving.gif": moving.getvalue(), "wide.png": png(random.resize((400, 20))),
    }  # fmt: skip
    pictures = read_pictures(packed(tmp_path / "a.zip", files))
    assert len(pictures.names) == 20
    assert (pictures.images[pictures.names.index("clear.png")] == 255).all()
    assert any("first frame" in note for note in pictures.notes)


def test_what_is_unsafe_or_broken_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in good().items():
            archive.writestr(name, data)
        archive.writestr("../escape.png", png())
        archive.writestr("/root.png", png())
        archive.writestr("__MACOSX/._x.png", b"x")
        archive.writestr("inner.zip", b"PK")
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("cut.jpg", png()[:60])
        archive.writestr("words.png", b"not a picture")
        archive.writestr("dot.png", png(Image.new("RGB", (1, 1))))
        archive.writestr("vast.png", png(Image.new("L", (9000, 9000))))
    pictures = read_pictures([path])
    assert len(pictures.names) == 14
    notes = " ".join(pictures.notes)
    for part in (
        "unsafe names",
        "Links",
        "Zips inside",
        "no readable pictures",
        "smaller than 8",
        "megapixels",
    ):
        assert part in notes
    assert sorted(tmp_path.iterdir()) == [path], "nothing is unpacked to disk"


def test_refused_with_a_plain_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = png()
    bomb = packed(tmp_path / "bomb.zip", {"a.png": b"\0" * 30_000_000})
    (tmp_path / "no.zip").write_bytes(b"no zip")
    cases = {
        "pictures were found": packed(tmp_path / "one.zip", {"a.png": same}),
        "are the same": packed(tmp_path / "same.zip", {f"{i}.png": same for i in range(14)}),
        "unpacks to too much": bomb,
        "is not a zip": [tmp_path / "no.zip"],
    }
    for message, paths in cases.items():
        with pytest.raises(InputError, match=message):
            read_pictures(paths)
    monkeypatch.setattr("pipelines.spade.pictures.MOST_PICTURES", 5)
    with pytest.raises(InputError, match="more than 5"):
        read_pictures(packed(tmp_path / "many.zip", good()))


def test_without_folders_everything_is_unlabelled(tmp_path: Path) -> None:
    pictures = read_pictures(packed(tmp_path / "a.zip", {f"{i}.png": png() for i in range(14)}))
    assert (pictures.y == -1).all()
    assert any("every picture is unlabelled" in note for note in pictures.notes)


def test_the_example_finds_defects_and_where_they_are() -> None:
    pictures = read_pictures([asset("spade", EXAMPLES[2].file)])
    steps = list(analyse_pictures(pictures))
    assert all(isinstance(step, Progress) for step in steps[:-1])
    report = steps[-1]
    assert report.outcome.check.rows[0].auc > 0.7
    assert report.heat.shape == (len(report.top), 128, 128)
    assert report.outcome.check.anomalies + report.outcome.check.normals == (pictures.y == -1).sum()


def test_heat_lies_on_the_defect() -> None:
    generator = np.random.default_rng(1)
    images = [weave(generator) for _ in range(23)]
    image, mask = damage(weave(generator), "hole", generator)
    stack = np.repeat(np.stack([*images, image])[..., None], 3, axis=3)
    given = Pictures("x", tuple(map(str, range(24))), stack, np.full(24, -1), ("",) * 24, ())
    report = list(analyse_pictures(given))[-1]
    assert report.top[0] == 23
    assert report.heat[0][mask].mean() > 3 * report.heat[0][~mask].mean()


def test_heat_pixels_cover_their_patch() -> None:
    heat = np.zeros((16, 16))
    heat[4, 10] = 1
    pixels = heat_pixels(heat, 0, 1)
    assert np.unravel_index(pixels.argmax(), pixels.shape)[0] // 8 == 4
    assert np.unravel_index(pixels.argmax(), pixels.shape)[1] // 8 == 10


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_changes_the_picture_where_it_says(kind: str) -> None:
    generator = np.random.default_rng(2)
    picture = weave(generator)
    damaged, mask = damage(picture, kind, generator)
    assert 0 < mask.mean() < 0.2
    changed = np.abs(damaged.astype(int) - picture).astype(float)
    assert changed[mask].mean() > 3 * changed[~mask].mean()


def test_cutpaste_changes_little_and_training_runs() -> None:
    generator = np.random.default_rng(3)
    pictures = [Image.fromarray(any_texture(generator)).convert("RGB") for _ in range(8)]
    plain, patched, scarred = cutpaste.views(augment(pictures[0], generator), generator)
    assert plain.size == patched.size == scarred.size == (128, 128)
    assert 0 < (np.asarray(plain) != np.asarray(patched)).mean() < 0.3
    net, steps, _ = train(pictures, 1.0, seed=0)
    assert steps >= 1
    assert isinstance(net, Encoder)


def test_weights_survive_a_round_trip(tmp_path: Path) -> None:
    import torch

    net = Encoder().eval()
    save(net, tmp_path / "e.safetensors")
    again = read(tmp_path / "e.safetensors").eval()
    x = torch.rand(2, 3, 128, 128)
    assert torch.allclose(net(x), again(x), atol=2e-2)
    assert asset("spade", "encoder.safetensors").stat().st_size < 5_000_000
    assert load().embed(np.zeros((2, 128, 128, 3), np.uint8)).shape[:2] == (2, 256)


def test_the_hub_encoder_gives_the_same_grid() -> None:
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], layer_type="basic"
    )  # fmt: skip
    encoder = ResNetEncoder(ResNetModel(config))
    assert encoder.embed(np.zeros((3, 128, 128, 3), np.uint8)).shape == (3, 256, 28)
