"""Head3D's public face, on random networks."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.backbones.head3d import ATTRIBUTES, Camera, Encoded, Head3D, load, to_glb
from pipelines.backbones.head3d_checkpoint import save_weights
from pipelines.backbones.head3d_inversion import backdrop
from pipelines.backbones.head3d_mesh import SURFACE_DENSITY
from pipelines.backbones.head3d_model import BOX, KNEE, REACH, W_DIM, on_planes
from pipelines.errors import InputError

from .head3d_dummies import TINY, tiny_head


@pytest.fixture(scope="module")
def head() -> Head3D:
    return tiny_head()


def test_same_seed_same_head_same_pixels(head):
    again = tiny_head()
    first, second = (h.render(h.sample(7), Camera(0.3, 0.1)) for h in (head, again))
    for name in ("image", "alpha", "depth", "normals"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert not np.array_equal(head.sample(7), head.sample(8))


def test_truncation_moves_towards_the_mean_head(head):
    np.testing.assert_allclose(head.sample(3, 0.0), head.w_mean, atol=1e-6)
    full, half = head.sample(3, 1.0), head.sample(3, 0.5)
    np.testing.assert_allclose(half, head.w_mean + 0.5 * (full - head.w_mean), atol=1e-5)
    for wrong in (2.0, -0.1, float("nan"), float("inf")):
        with pytest.raises(InputError):
            head.sample(3, wrong)


@pytest.mark.parametrize("seed", [-1, 0, 2**31, 2**64 + 5, -(2**70)])
def test_any_whole_number_is_a_seed(head, seed):
    w = head.sample(seed)
    assert np.isfinite(w).all()
    np.testing.assert_array_equal(w, head.sample(seed))


def test_render_gives_consistent_maps(head):
    view = head.render(head.sample(1), Camera(0.2, 0.0), background=(1.0, 0.0, 0.0))
    assert view.image.shape == (128, 128, 3) and view.image.dtype == np.uint8
    assert view.alpha.shape == view.depth.shape == (128, 128)
    assert view.alpha.min() >= 0 and view.alpha.max() <= 1
    assert view.depth.min() >= 2.2 and view.depth.max() <= 3.3 + 1e-5
    length = np.linalg.norm(view.normals, axis=-1)
    assert (length[view.alpha < 0.5] == 0).all()
    assert ((length < 1e-3) | (np.abs(length - 1) < 1e-3)).all()


def test_background_shows_where_alpha_is_low(head):
    w = head.sample(1)
    red, blue = (head.render(w, Camera(), background=c) for c in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    difference = red.image[..., 0].astype(int) - blue.image[..., 0]
    expected = 255 * (1 - red.alpha)
    unclamped = (red.image[..., 0] < 255) & (blue.image[..., 0] > 0)
    assert np.abs(difference - expected)[unclamped].max() <= 1


def test_several_views_equal_single_ones(head):
    w, cameras = head.sample(2), [Camera(-0.4), Camera(0.4, 0.2)]
    for view, camera in zip(head.render_views(w, cameras), cameras, strict=True):
        np.testing.assert_array_equal(view.image, head.render(w, camera).image)


def test_encode_is_deterministic_and_takes_any_picture(head):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (90, 70, 3), np.uint8)
    first, second = head.encode(array), head.encode(Image.fromarray(array))
    np.testing.assert_array_equal(first.w, second.w)
    assert first.camera == second.camera
    assert first.w.shape == (W_DIM,)
    assert head.render(first.w, first.camera).image.shape == (128, 128, 3)
    for mode in ("L", "RGBA", "P", "CMYK", "LA"):
        assert np.isfinite(head.encode(Image.new(mode, (64, 200))).w).all()


def test_refining_brings_the_render_nearer_to_the_picture(head):
    target, camera = head.sample(3, 1.0), Camera(0.2, 0.05)
    image = head.render(target, camera).image
    start = Encoded(head.w_mean, camera)
    weights = [p.clone() for p in head.networks.parameters()]
    found = list(head.refine(image, start, steps=8))
    errors = [
        np.abs(head.render(one.w, camera).image.astype(float) - image).mean() for one in (start, found[-1])
    ]
    assert len(found) == 8 and errors[1] < 0.9 * errors[0]
    assert all(one.camera == camera for one in found)
    assert all(torch.equal(p, q) for p, q in zip(weights, head.networks.parameters(), strict=True))
    with torch.inference_mode():
        again = list(head.refine(image, start, steps=8))
    np.testing.assert_array_equal(found[-1].w, again[-1].w)


def test_the_backdrop_goes_on_behind_the_head():
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.1
    picture[..., 32:] += 0.8  # dark on the left, bright on the right
    alpha = torch.zeros(1, 1, 64, 64)
    alpha[..., 20:44, 10:54] = 1
    ground = backdrop(picture, alpha)
    assert torch.equal(ground[..., :16, :], picture[..., :16, :])
    assert ground[..., 24:40, 12:20].max() < 0.3 and ground[..., 24:40, 44:52].min() > 0.6
    everywhere = backdrop(picture, torch.ones(1, 1, 64, 64))
    torch.testing.assert_close(everywhere, picture.mean((2, 3), keepdim=True).expand_as(picture))


def portrait() -> np.ndarray:
    """A picture whose halves and quarters differ, uint8 [64, 64, 3]."""
    array = np.full((64, 64, 3), 200, np.uint8)
    array[:20, :, 0], array[:, :20, 1], array[30:, 40:] = 20, 90, (10, 60, 120)
    return array


def test_pictures_are_read_upright_as_their_exif_data_say(head):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned; to be shown a quarter clockwise
    file = io.BytesIO()
    Image.fromarray(np.rot90(portrait())).save(file, format="PNG", exif=exif)
    np.testing.assert_allclose(
        head.prepare(Image.open(file)).numpy(), head.prepare(portrait()).numpy(), atol=1e-6
    )


def test_transparency_lies_over_grey_also_in_palettes(head):
    clear = np.zeros((64, 64, 4), np.uint8)
    clear[16:48, 16:48] = (200, 0, 0, 255)
    rgba = Image.fromarray(clear)
    palette = rgba.convert("RGB").quantize(2)
    palette.info["transparency"] = palette.getpixel((0, 0))
    for picture in (clear, rgba, palette):
        seen = head.prepare(picture)[0]
        np.testing.assert_allclose(seen[:, 0, 0], (0.72, 0.76, 0.80), atol=0.003)
        np.testing.assert_allclose(seen[:, 32, 32], (200 / 255, 0, 0), atol=0.003)


def test_sixteen_bits_are_the_same_grey(head):
    grey = portrait()[..., 0]
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_allclose(head.prepare(deep).numpy(), head.prepare(grey).numpy(), atol=0.01)


def test_large_pictures_are_read_like_small_ones(head):
    large = np.repeat(np.repeat(portrait(), 64, 0), 64, 1)
    np.testing.assert_allclose(head.prepare(large).numpy(), head.prepare(portrait()).numpy(), atol=1e-6)


BAD_PICTURES = [
    None, "face.png", np.zeros((64, 64, 3)), np.zeros((20, 90, 3), np.uint8), np.zeros((0, 0, 3), np.uint8),
    np.zeros((64, 64, 2), np.uint8), np.zeros((1, 64, 64, 3), np.uint8), Image.new("RGB", (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_PICTURES)
def test_encode_refuses_what_is_no_picture(head, bad):
    with pytest.raises(InputError):
        head.encode(bad)


def test_a_damaged_file_is_the_visitors_fault(head):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(file, "PNG")
    with pytest.raises(InputError):
        head.encode(Image.open(io.BytesIO(file.getvalue()[:3000])))


@pytest.mark.parametrize("w", [np.zeros(3), np.zeros((1, W_DIM)), np.full(W_DIM, np.nan)])
def test_wrong_w_is_refused(head, w):
    with pytest.raises(InputError):
        head.render(w, Camera())
    with pytest.raises(InputError):
        head.mesh(w)


def test_a_camera_that_stands_nowhere_is_refused(head):
    for camera in (Camera(float("nan")), Camera(0.0, float("nan")), Camera(float("inf"))):
        with pytest.raises(InputError):
            head.render(head.w_mean, camera)


def test_threads_do_not_disturb_one_another(head):
    cameras = [Camera(yaw) for yaw in (-0.5, -0.2, 0.1, 0.4)]
    alone = [head.render(head.sample(k), camera).image for k, camera in enumerate(cameras)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda k: head.render(head.sample(k), cameras[k]).image, range(4)))
    np.testing.assert_array_equal(alone, together)


def test_wrong_edits_are_refused(head):
    for attribute, amount in (("wings", 1.0), ("smile", float("nan"))):
        with pytest.raises(InputError):
            head.edit(head.w_mean, attribute, amount)


def test_edit_moves_along_its_direction_and_back(head):
    w = head.sample(0)
    for attribute in ATTRIBUTES:
        there = head.edit(w, attribute, 0.7)
        np.testing.assert_allclose(there - w, 0.7 * head.directions[attribute], atol=1e-5)
        np.testing.assert_allclose(head.edit(there, attribute, -0.7), w, atol=1e-5)


def shaped(shape) -> Head3D:
    """A head whose field has the density that `shape` gives for points, and is bluer the deeper it lies."""
    head = tiny_head()

    def field(planes, points, want_features=True):
        colour = torch.full((*points.shape[:2], TINY.features), 0.25)
        colour[..., 2] = (points.norm(dim=-1) < 0.298).float()
        return shape(points), colour if want_features else None

    head.networks.generator.field = field
    return head


def ball(points, radius=0.3):
    return (40 * (radius - points.norm(dim=-1)) + SURFACE_DENSITY).clamp_min(0)


def test_mesh_is_the_surface_of_the_field():
    mesh = shaped(ball).mesh(np.zeros(W_DIM), resolution=48)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.3, atol=0.012)
    assert mesh.is_watertight and mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)
    assert (mesh.visual.vertex_colors[:, :2] == 64).all()


def test_mesh_colours_come_from_under_the_surface():
    mesh = shaped(ball).mesh(np.zeros(W_DIM), resolution=48)
    assert (mesh.visual.vertex_colors[:, 2] == 255).mean() > 0.95


def test_mesh_is_one_solid_without_hollows_or_crumbs():
    def shell_and_crumb(points):
        crumb = ball(points - torch.tensor([0.42, 0.42, 0.42]), 0.03)
        return (ball(points) * (points.norm(dim=-1) > 0.2)).maximum(crumb)

    mesh = shaped(shell_and_crumb).mesh(np.zeros(W_DIM), resolution=48)
    assert mesh.is_watertight and mesh.body_count == 1
    assert np.linalg.norm(mesh.vertices, axis=1).min() > 0.28


def test_mesh_is_closed_where_the_box_cuts_the_head():
    mesh = shaped(lambda points: 2 * SURFACE_DENSITY * (points[..., 1] < 0)).mesh(np.zeros(W_DIM), 64)
    assert mesh.is_watertight and mesh.volume == pytest.approx(0.5, rel=0.1)


def test_nothing_has_no_mesh():
    with pytest.raises(InputError):
        shaped(lambda points: torch.zeros(points.shape[:2])).mesh(np.zeros(W_DIM))
    with pytest.raises(ValueError, match="resolution"):
        shaped(ball).mesh(np.zeros(W_DIM), 4000)


def test_glb_holds_linear_colours():
    import trimesh

    mesh = shaped(ball).mesh(np.zeros(W_DIM), resolution=24)
    glb = to_glb(mesh)
    assert glb[:4] == b"glTF"
    back = trimesh.load(trimesh.util.wrap_as_stream(glb), file_type="glb", force="mesh")
    assert len(back.faces) == len(mesh.faces)
    assert (back.visual.vertex_colors[:, 0] == 13).all()  # of sRGB 64


def test_running_needs_no_compiler():
    """numba makes the training data; the app is installed without it."""
    code = (
        "import sys; sys.modules['numba'] = None; "
        "import pipelines.backbones.head3d, pipelines.backbones.head3d_evaluate"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_weights_survive_the_file(tmp_path):
    head = tiny_head()
    path = tmp_path / "head3d.safetensors"
    save_weights(head.networks, torch.stack([torch.from_numpy(d) for d in head.directions.values()]), path)
    loaded = load(path)
    assert loaded.networks.generator.config == TINY
    np.testing.assert_allclose(loaded.sample(5), head.sample(5), atol=0.02)
    assert list(loaded.directions) == list(ATTRIBUTES)
    assert load(path) is loaded


def test_planes_are_read_where_the_axes_say():
    head = tiny_head()
    generator = head.networks.generator
    generator.decoder.forward = lambda x, want: (x[..., 0], None)
    planes = torch.zeros(1, 3, TINY.plane_channels, 16, 16)
    planes[0, 0, 0] = torch.linspace(-1, 1, 16)[None]  # plane (x, y) grows with x
    planes[0, 1, 0] = 10 * torch.linspace(-1, 1, 16)[:, None]  # plane (x, z) grows with z
    low, high = generator.field(planes, torch.tensor([[[-0.2, 0.0, 0.0], [0.2, 0.0, 0.0]]]), False)[0][0]
    assert low < high
    near, far = generator.field(planes, torch.tensor([[[0.0, 0.0, 0.2], [0.0, 0.0, -0.2]]]), False)[0][0]
    assert near > far + 1


def test_the_shoulders_are_pressed_into_the_planes_rim():
    line = torch.linspace(-REACH, REACH, 133)
    places = on_planes(torch.stack([line, torch.zeros(133), -line], -1))
    inner = line.abs() <= KNEE
    torch.testing.assert_close(places[inner, 0], line[inner] / BOX)
    assert places[0, 0] == pytest.approx(-1)
    assert places[-1, 0] == pytest.approx(1)
    assert (places[:, 0].diff() > 0).all()
    torch.testing.assert_close(places[:, 2], -places[:, 0])
    assert (places[:, 1] == 0).all()
