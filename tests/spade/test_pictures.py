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
from pipelines.spade import EXAMPLES, cutpaste, hub
from pipelines.spade.encoder import Encoder, load, save
from pipelines.spade.encoder import read as read_weights
from pipelines.spade.export import result_frame
from pipelines.spade.patches import Embedding, heat_maps, heat_pixels, joint_heat, pooled
from pipelines.spade.picture_analysis import PicturesReport, analyse_pictures
from pipelines.spade.pictures import Pictures, read_pictures, survey
from pipelines.spade.textures import DEFECTS, any_texture, damage, weave
from pipelines.spade.train import augment, dense_loss, sample, train
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


def read(paths: list[Path]) -> Pictures:
    steps = list(read_pictures(paths))
    assert all(isinstance(step, Progress) for step in steps[:-1])
    return steps[-1]


def test_folders_say_what_is_labelled(tmp_path: Path) -> None:
    paths = packed(tmp_path / "a.zip", good())
    pictures = read(paths)
    assert ((pictures.y == 0).sum(), (pictures.y == 1).sum(), (pictures.y == -1).sum()) == (3, 2, 9)
    assert pictures.images.shape == (14, 128, 128, 3)
    assert survey(paths).counted == "14 pictures: 3 labelled normal, 2 labelled anomaly, 9 unlabelled."


def test_a_csv_of_labels_and_a_truth_file(tmp_path: Path) -> None:
    files = {f"{i}.png": png() for i in range(13)}
    files["labels.csv"] = b"file,label\n0.png,ok\n1.png,defect\n"
    files["truth.csv"] = b"2.png,anomaly hole\n"
    pictures = read(packed(tmp_path / "a.zip", files))
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
    pictures = read(packed(tmp_path / "a.zip", files))
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
    pictures = read([path])
    assert len(pictures.names) == 14
    notes = " ".join(pictures.notes)
    for part in (
        "name is unsafe (2 files)",
        "a link",
        "a zip inside",
        "damaged, locked or no picture (2 files)",
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
        "1 picture found": packed(tmp_path / "one.zip", {"a.png": same}),
        "are the same": packed(tmp_path / "same.zip", {f"{i}.png": same for i in range(14)}),
        "unpacks to too much": bomb,
        "is not a zip": [tmp_path / "no.zip"],
    }
    for message, paths in cases.items():
        with pytest.raises(InputError, match=message):
            read(paths)
    monkeypatch.setattr("pipelines.spade.pictures.MOST_PIXELS_IN_ALL", 10 * 20 * 20)
    with pytest.raises(InputError, match="megapixels together") as told:
        read(packed(tmp_path / "large.zip", good()))
    assert "Scale them down" in told.value.hint
    monkeypatch.setattr("pipelines.spade.pictures.MOST_PICTURES", 5)
    with pytest.raises(InputError, match="more than 5"):
        survey(packed(tmp_path / "many.zip", good()))


def test_reading_tells_how_far_it_is_and_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.spade.pictures.REPORT_EVERY", -1.0)
    steps = read_pictures(packed(tmp_path / "a.zip", good()))
    first, second = next(steps), next(steps)
    assert (first.step, second.step, second.total) == (0, 1, 14)
    steps.close()


def test_labels_stand_where_a_picture_is_left_out(tmp_path: Path) -> None:
    files = good() | {"normal/0.png": b"broken", "anomaly/3.png": png(Image.new("RGB", (2, 2)))}
    pictures = read(packed(tmp_path / "a.zip", files))
    folders = {"normal": 0, "anomaly": 1, "unlabelled": -1}
    assert pictures.y.tolist() == [folders[name.split("/")[0]] for name in pictures.names]
    assert len(pictures.names) == len(pictures.images) == 12


def test_without_folders_everything_is_unlabelled(tmp_path: Path) -> None:
    pictures = read(packed(tmp_path / "a.zip", {f"{i}.png": png() for i in range(14)}))
    assert (pictures.y == -1).all()
    assert any("every picture is unlabelled" in note for note in pictures.notes)


def test_the_example_finds_defects_and_where_they_are() -> None:
    pictures = read([asset("spade", EXAMPLES[2].file)])
    steps = list(analyse_pictures(pictures))
    assert all(isinstance(step, Progress) for step in steps[:-1])
    report = steps[-1]
    assert report.outcome.check.rows[0].auc > 0.7
    assert report.heat.shape == (len(report.top), 128, 128)
    assert report.outcome.check.anomalies + report.outcome.check.normals == (pictures.y == -1).sum()
    flagged = report.outcome.order[: round(report.outcome.share * len(pictures.y))]
    assert (pictures.y[flagged] == -1).any()  # not the labelled ones alone
    frame = result_frame(report)
    assert list(frame.columns)[:4] == ["file", "label", "truth", "spade_score"]
    assert set(frame["label"]) == {"anomaly", "normal", ""} and len(frame) == len(pictures.names)


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


@pytest.mark.parametrize("kind", cutpaste.SHAPES)
def test_a_shape_covers_less_than_half(kind: str) -> None:
    generator = np.random.default_rng(4)
    masks = [cutpaste.shape(kind, 128, generator) for _ in range(20)]
    assert max(mask.mean() for mask in masks) <= 0.5
    assert all(mask.min() >= 0 and mask.max() <= 1 for mask in masks)
    assert np.mean([mask.mean() > 0 for mask in masks]) > 0.8, "most lie within the picture"


def test_pasting_changes_the_picture_only_where_it_says() -> None:
    generator = np.random.default_rng(3)
    picture = augment(Image.fromarray(any_texture(generator)).convert("RGB"), generator)
    for _ in range(10):
        pasted, mask = cutpaste.paste(picture, picture, generator)
        assert pasted.shape == (128, 128, 3)
        assert (pasted[mask == 0] == picture[mask == 0]).all()


def test_the_loss_asks_only_cells_that_are_clearly_pasted_or_not() -> None:
    import torch

    cover = torch.tensor([[0.0, 0.05, 1.0]])
    right = dense_loss(torch.tensor([[-9.0, 0.0, 9.0]]), cover)
    assert right < 0.01
    assert torch.equal(right, dense_loss(torch.tensor([[-9.0, 7.0, 9.0]]), cover))
    assert dense_loss(torch.tensor([[9.0, 0.0, 9.0]]), cover) > 1


def test_training_runs() -> None:
    generator = np.random.default_rng(3)
    pictures = [Image.fromarray(any_texture(generator)).convert("RGB") for _ in range(8)]
    picture, cover = sample(pictures, generator)
    assert picture.shape == (128, 128, 3) and cover.shape == (16, 16)
    net, steps, _ = train(pictures, 1.0, seed=0)
    assert steps >= 1
    assert isinstance(net, Encoder)


def test_weights_survive_a_round_trip(tmp_path: Path) -> None:
    import torch

    net = Encoder().eval()
    save(net, tmp_path / "e.safetensors")
    again = read_weights(tmp_path / "e.safetensors").eval()
    x = torch.rand(2, 3, 128, 128)
    assert torch.allclose(net(x), again(x), atol=2e-2)
    assert asset("spade", "encoder.safetensors").stat().st_size < 5_000_000
    seen = load().embed(np.zeros((2, 128, 128, 3), np.uint8))
    assert seen.cells.shape == (2, 256, 288) and seen.pasted.shape == (2, 256)


def test_the_encoder_finds_what_was_pasted() -> None:
    generator = np.random.default_rng(5)
    cloth = np.repeat(weave(generator)[..., None], 3, axis=2)
    pasted = cloth.copy()
    pasted[40:64, 72:96] = np.clip(cloth[8:32, 8:32].astype(int) - 50, 0, 255)
    logits = load().embed(np.stack([cloth, pasted])).pasted.reshape(2, 16, 16)
    gain = logits[1] - logits[0]
    assert gain[5:8, 9:12].mean() > gain.mean() + 1


def test_a_patch_is_compared_with_its_place() -> None:
    generator = np.random.default_rng(6)
    cells = generator.normal(size=(40, 256, 4)).astype(np.float32)
    cells[:, :128] += 6  # the upper half looks unlike the lower
    cells[0, 200] += 6  # and here the lower half looks like the upper
    by_place = heat_maps(Embedding(cells, None), np.ones(40, dtype=bool), 0)[1].reshape(40, 256)
    assert by_place[0].argmax() == 200
    assert by_place.shape == (40, 256)


def test_without_a_cutpaste_head_there_are_two_maps_and_fewer_features() -> None:
    generator = np.random.default_rng(7)
    cells = generator.normal(size=(24, 256, 6)).astype(np.float32)
    images = generator.integers(0, 255, (24, 128, 128, 3), dtype=np.uint8)
    good = np.ones(24, dtype=bool)
    maps = heat_maps(Embedding(cells, None), good, 0)
    assert maps.shape == (2, 24, 16, 16)
    heat = joint_heat(maps, good)
    assert heat.shape == (24, 16, 16) and heat.min() >= 0
    X = pooled(images, Embedding(cells, None), maps, good)
    assert len(X) == 24 and np.isfinite(X).all()


def tiny_resnet() -> object:
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12, 16, 20], depths=[1, 1, 1, 1], layer_type="basic"
    )  # fmt: skip
    return ResNetModel(config)


def test_the_hub_encoder_gives_the_same_grid(tmp_path: Path) -> None:
    tiny_resnet().save_pretrained(tmp_path)
    encoder = hub.load(tmp_path)
    seen = encoder.embed(np.zeros((3, 128, 128, 3), np.uint8))
    assert seen.cells.shape == (3, 256, 28) and seen.pasted is None


def some_pictures() -> Pictures:
    generator = np.random.default_rng(8)
    stack = np.repeat(np.stack([weave(generator) for _ in range(14)])[..., None], 3, axis=3)
    return Pictures("x", tuple(map(str, range(14))), stack, np.full(14, -1), ("",) * 14, ())


def the_note(encoder: str) -> str:
    report = list(analyse_pictures(some_pictures(), encoder=encoder))[-1]
    assert isinstance(report, PicturesReport)
    return next(note for note in report.outcome.notes if "encoder" in note or "resnet" in note)


def test_without_a_gpu_the_hub_falls_back_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.weights.device", lambda: "cpu")
    assert the_note("embedded") == "Pictures are seen by the embedded encoder."
    assert the_note("hub").startswith("ResNet-18 needs a GPU")


def test_where_the_hub_may_be_used_it_is_or_a_line_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.weights.device", lambda: "cuda")
    monkeypatch.setattr(hub, "load", lambda: hub.ResNetEncoder(tiny_resnet()))
    assert "microsoft/resnet-18, revision 65a5785" in the_note("hub")

    def out_of_reach() -> None:
        raise OSError("no network")

    monkeypatch.setattr(hub, "load", out_of_reach)
    assert the_note("hub") == "ResNet-18 could not be fetched: the embedded encoder was used."
    with pytest.raises(InputError, match="no such encoder"):
        list(analyse_pictures(some_pictures(), encoder="nosuch"))
