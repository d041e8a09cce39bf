"""Head3D's public face, on random networks."""

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.backbones.head3d import ATTRIBUTES, Camera, Head3D, load, to_glb
from pipelines.backbones.head3d_checkpoint import save_weights
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
    with pytest.raises(InputError):
        head.sample(3, 2.0)


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
    assert first.w.shape == (TINY.w_dim,)
    assert head.render(first.w, first.camera).image.shape == (128, 128, 3)
    for mode in ("L", "RGBA", "P", "CMYK", "LA"):
        assert np.isfinite(head.encode(Image.new(mode, (64, 200))).w).all()


@pytest.mark.parametrize("bad", [None, "face.png", np.zeros((64, 64, 3)), np.zeros((20, 90, 3), np.uint8)])
def test_encode_refuses_what_is_no_picture(head, bad):
    with pytest.raises(InputError):
        head.encode(bad)


def test_wrong_w_is_refused(head):
    with pytest.raises(ValueError, match="shape"):
        head.render(np.zeros(3), Camera())


def test_edit_moves_along_its_direction_and_back(head):
    w = head.sample(0)
    for attribute in ATTRIBUTES:
        there = head.edit(w, attribute, 0.7)
        np.testing.assert_allclose(there - w, 0.7 * head.directions[attribute], atol=1e-5)
        np.testing.assert_allclose(head.edit(there, attribute, -0.7), w, atol=1e-5)


def test_mesh_is_the_surface_of_the_field():
    head = tiny_head()
    generator = head.networks.generator

    def ball(planes, points, want_features=True):
        density = (40 * (0.3 - points.norm(dim=-1)) + 12).clamp_min(0)
        return density, torch.full((*points.shape[:2], TINY.features), 0.25) if want_features else None

    generator.field = ball
    mesh = head.mesh(head.sample(0), resolution=48)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.3, atol=0.012)
    assert mesh.is_watertight and mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)
    assert (mesh.visual.vertex_colors[:, :3] == 64).all()


def test_glb_holds_linear_colours():
    head = tiny_head()
    import trimesh

    mesh = head.mesh(head.sample(0), resolution=24)
    glb = to_glb(mesh)
    assert glb[:4] == b"glTF"
    back = trimesh.load(trimesh.util.wrap_as_stream(glb), file_type="glb", force="mesh")
    assert len(back.faces) == len(mesh.faces)
    assert back.visual.vertex_colors[:, :3].mean() < mesh.visual.vertex_colors[:, :3].mean()


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
