"""The heads that ship do what they are for."""

from itertools import pairwise

import numpy as np
import pytest

from pipelines.backbones.head3d import ATTRIBUTES, Camera, Head3D, load
from pipelines.backbones.head3d_evaluate import pictures_of, read_persons
from pipelines.backbones.head3d_export import NAME
from pipelines.weights import ASSETS, read_card, sha256

FOLDER = ASSETS / NAME
pytestmark = pytest.mark.skipif(
    not (FOLDER / "head3d.safetensors").is_file(),
    reason=f"assets/{NAME}/head3d.safetensors is not there yet: pipelines.backbones.head3d_train makes it",
)
SEEDS = range(4)
MIDDLE = slice(48, 80)


@pytest.fixture(scope="module")
def head() -> Head3D:
    return load()


@pytest.fixture(scope="module")
def fronts(head):
    return [head.render(head.sample(seed), Camera()) for seed in SEEDS]


def psnr(first, second):
    return -10 * np.log10(np.mean((first / 255.0 - second / 255.0) ** 2))


def test_card_describes_the_files_that_ship():
    card = read_card(NAME)
    assert set(card["files"]) == {path.name for path in FOLDER.iterdir()} - {"card.json"}
    for name, entry in card["files"].items():
        assert entry["sha256"] == sha256(FOLDER / name)
    assert card["metrics"]["params_mb"] <= 12
    size = card["files"]["head3d.safetensors"]["bytes"] / 1e6
    assert card["metrics"]["params_mb"] == pytest.approx(size, abs=1e-3)
    assert "ICT-FaceKit" in card["licence"]


def test_same_seed_same_pixels(head, fronts):
    again = head.render(head.sample(SEEDS[1]), Camera())
    np.testing.assert_array_equal(again.image, fronts[1].image)
    for one, other in pairwise(fronts):
        assert psnr(one.image, other.image) < 30


def test_a_head_stands_in_the_middle_before_nothing(fronts):
    for view in fronts:
        assert view.alpha[MIDDLE, MIDDLE].min() > 0.95
        corners = np.concatenate([view.alpha[:12, :12], view.alpha[:12, -12:]])
        assert corners.mean() < 0.05
        assert 0.25 < view.alpha.mean() < 0.85


def test_the_front_is_roughly_its_own_mirror_image(fronts):
    for view in fronts:
        both = view.alpha > 0.5
        overlap = (both & both[:, ::-1]).sum() / (both | both[:, ::-1]).sum()
        assert overlap > 0.85
        assert psnr(view.image, view.image[:, ::-1]) > 15


def test_the_nose_is_nearer_than_the_outline(fronts):
    for view in fronts:
        solid = view.alpha > 0.95
        nose = view.depth[60:76, 58:70].min()
        columns = np.flatnonzero(solid[60])
        ears = view.depth[60, [columns[0] + 1, columns[-1] - 1]].mean()
        assert nose + 0.1 < ears
        assert 2.2 < nose < 2.7


def test_the_turned_head_shows_its_other_side(head):
    for seed in SEEDS[:2]:
        left, right = head.render_views(head.sample(seed), [Camera(-0.6), Camera(0.6)])
        assert psnr(left.image, right.image[:, ::-1]) > psnr(left.image, right.image)


def test_encoding_a_render_gives_camera_and_picture_back(head):
    for seed, camera in zip(
        SEEDS, (Camera(), Camera(0.3, 0.1), Camera(-0.4), Camera(0.15, -0.1)), strict=True
    ):
        view = head.render(head.sample(seed), camera)
        encoded = head.encode(view.image)
        error = np.degrees(np.abs([encoded.camera.yaw - camera.yaw, encoded.camera.pitch - camera.pitch]))
        assert error.max() < 8
        assert psnr(head.render(encoded.w, encoded.camera).image, view.image) > 16


def test_each_edit_changes_the_picture(head, fronts):
    assert list(head.directions) == list(ATTRIBUTES)
    w = head.sample(SEEDS[0])
    for attribute in ATTRIBUTES:
        low, high = (head.render(head.edit(w, attribute, a), Camera()).image for a in (-1.0, 1.0))
        difference = np.abs(low.astype(float) - high)
        assert difference.mean() > 0.3 and difference.max() > 20
        assert psnr(low, high) > 8


def test_smile_and_skin_change_what_they_should(head):
    w = head.sample(SEEDS[2])
    dark, pale = (head.render(head.edit(w, "skin_tone", a), Camera()).image for a in (1.0, -1.0))
    assert dark[60:80, 56:72].mean() + 15 < pale[60:80, 56:72].mean()
    low, high = (head.render(head.edit(w, "smile", a), Camera()).image for a in (-1.0, 1.0))
    change = np.abs(low.astype(float) - high).mean(-1)
    assert change[70:96, 48:80].mean() > 2 * change[:30].mean()


def test_the_mesh_is_one_closed_coloured_body(head):
    mesh = head.mesh(head.sample(SEEDS[0]), 64)
    assert mesh.is_watertight and mesh.body_count == 1
    assert 0.05 < mesh.volume < 0.6
    assert (np.abs(mesh.bounds) <= 0.5 + 1e-6).all()
    assert 0.6 < np.ptp(mesh.vertices[:, 1]) <= 1.0
    assert mesh.visual.vertex_colors[:, :3].std(0).min() > 10
    nose = mesh.vertices[np.abs(mesh.vertices[:, 0]) < 0.05, 2].max()
    assert nose > 0.15


def test_held_out_persons_are_read(head):
    persons = read_persons(FOLDER / "heldout.npz", 4)
    found = []
    for row, picture in enumerate(pictures_of(persons.rgba[:, 0])):
        image = (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        encoded = head.encode(image)
        found.append(psnr(head.render(encoded.w, encoded.camera).image, image))
        assert np.degrees(abs(encoded.camera.yaw - persons.views[row, 0, 0])) < 15
    assert np.mean(found) > 16
