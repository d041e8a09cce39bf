"""Deferred shading of a made-up person: picture with transparency, depth, and the buffers that drawing
styles start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from pipelines.backbones.head3d_camera import FOCAL, Camera, pixel_directions
from pipelines.backbones.head3d_kit import BODY, HAIR, Geometry, Kit
from pipelines.backbones.head3d_materials import (
    AO,
    FAST,
    NORMAL,
    POSITION,
    TEXTURE,
    Look,
    hair_surface,
    is_skin,
    look_of,
    step,
    surface,
)
from pipelines.backbones.head3d_person import Person, person_from
from pipelines.backbones.head3d_raster import depth_map, rasterise

SHADOW_SIZE = 224
SHADOW_SPAN = 1.3  # world units across the shadow map
SUPERSAMPLE = 2


@dataclass(frozen=True)
class Layer:
    """What one pixel of one layer sees. depth [h, w]: along the camera's axis, inf where empty; region
    uint8 [h, w], 255 where empty; buffer float32 [h, w, 12]: head3d_kit.Geometry.attributes."""

    depth: np.ndarray
    region: np.ndarray
    buffer: np.ndarray


@dataclass(frozen=True)
class Portrait:
    """rgba uint8 [size, size, 4]: sRGB times alpha, alpha. depth float32 [size, size]: distance from the
    camera along each pixel's ray, 0 where the person covers less than half of the pixel."""

    rgba: np.ndarray
    depth: np.ndarray


class Sitter:
    """A person with geometry and shadows made once, to be drawn from several sides."""

    def __init__(self, kit: Kit, z: np.ndarray) -> None:
        self.person: Person = person_from(z)
        self.look: Look = look_of(kit, self.person)
        self.geometry: Geometry = kit.geometry(self.person)
        self.light = _direction(self.person.light_azimuth, self.person.light_elevation)
        self._to_light = _light_axes(self.light)
        self._shadow = self._shadow_map()

    @property
    def labels(self) -> np.ndarray:
        """Ground truth of head3d_person.ATTRIBUTES, float32 [7]."""
        return self.geometry.labels

    def _shadow_map(self) -> np.ndarray:
        nearest = np.full((SHADOW_SIZE, SHADOW_SIZE), np.inf, np.float32)
        for vertices, triangles in zip(self.geometry.vertices, self.geometry.triangles, strict=True):
            if len(triangles):
                points = vertices @ self._to_light.T
                points[:, :2] = points[:, :2] * (SHADOW_SIZE / SHADOW_SPAN) + SHADOW_SIZE / 2
                points[:, 2] += 3
                nearest = np.minimum(nearest, depth_map(points, triangles, SHADOW_SIZE))
        return nearest

    def layers(self, camera: Camera, size: int) -> tuple[Layer, Layer]:
        """Body and hair as seen from `camera`, size x size pixels."""
        return self._layer(BODY, camera, size), self._layer(HAIR, camera, size)

    def _layer(self, layer: int, camera: Camera, size: int) -> Layer:
        vertices, triangles = self.geometry.vertices[layer], self.geometry.triangles[layer]
        matrix = camera.matrix()
        points = ((vertices - matrix[:3, 3]) @ matrix[:3, :3]).astype(np.float32)
        points[:, :2] = (points[:, :2] / points[:, 2:] * FOCAL + 0.5) * size
        depth, triangle, buffer = rasterise(points, triangles, self.geometry.attributes[layer], size)
        region = np.full((size, size), 255, np.uint8)
        region[triangle >= 0] = self.geometry.regions[layer][triangle[triangle >= 0]]
        return Layer(depth, region, buffer)

    def portrait(self, camera: Camera, size: int) -> Portrait:
        """Picture and depth from `camera`."""
        fine = size * SUPERSAMPLE
        body, hair = self.layers(camera, fine)
        person = self.person
        pale = step(2.2, 0.0, person.skin)  # less light for pale skin keeps its modelling
        warmth = np.array([1 + 0.08 * person.light_warmth, 1.0, 1 - 0.10 * person.light_warmth], np.float32)
        colour = np.zeros((fine, fine, 4), np.float32)
        arguments = (self.look, self.light, self._to_light, self._shadow, warmth * (1 - 0.2 * pale))
        eye = camera.matrix()[:3, 3].astype(np.float32)
        _shade_body(body.region, body.buffer, eye, *arguments, colour)
        depth = body.depth.copy()
        _shade_hair(hair.region, hair.depth, hair.buffer, eye, *arguments, colour, depth)
        _develop(colour)
        coarse = colour.reshape(size, SUPERSAMPLE, size, SUPERSAMPLE, 4).mean((1, 3))
        seen = colour[..., 3] > 0.5
        along = np.where(seen, depth, 0).reshape(size, SUPERSAMPLE, size, SUPERSAMPLE)
        count = seen.reshape(size, SUPERSAMPLE, size, SUPERSAMPLE).sum((1, 3))
        distance = along.sum((1, 3)) / np.maximum(count, 1) / pixel_directions(size)[..., 2]
        distance *= coarse[..., 3] >= 0.5
        return Portrait((coarse * 255 + 0.5).astype(np.uint8), distance.astype(np.float32))


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    return np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)],
        np.float32,
    )


def _light_axes(light: np.ndarray) -> np.ndarray:
    across = np.cross([0.0, 1.0, 0.0], light)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(light, across), -light]).astype(np.float32)


@numba.njit(**FAST, inline="always")
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@numba.njit(**FAST, inline="always")
def _unit(v):
    length = np.sqrt(_dot(v, v)) + 1e-9
    return v[0] / length, v[1] / length, v[2] / length


@numba.njit(**FAST, inline="always")
def _add(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@numba.njit(**FAST)
def _lit(position, normal, to_light, shadow):
    """Share of the key light that reaches a point: 3 x 3 taps of the shadow map."""
    size = shadow.shape[0]
    lifted = _add(position, (0.006 * normal[0], 0.006 * normal[1], 0.006 * normal[2]))
    scale = size / SHADOW_SPAN
    u = (
        to_light[0, 0] * lifted[0] + to_light[0, 1] * lifted[1] + to_light[0, 2] * lifted[2]
    ) * scale + size / 2
    v = (
        to_light[1, 0] * lifted[0] + to_light[1, 1] * lifted[1] + to_light[1, 2] * lifted[2]
    ) * scale + size / 2
    w = to_light[2, 0] * lifted[0] + to_light[2, 1] * lifted[1] + to_light[2, 2] * lifted[2] + 3
    reached = 0
    for j in range(-1, 2):
        for i in range(-1, 2):
            row, column = min(max(int(v + 1.6 * j), 0), size - 1), min(max(int(u + 1.6 * i), 0), size - 1)
            reached += shadow[row, column] > w - 0.012
    return reached / 9


@numba.njit(**FAST)
def _shade_body(region, buffer, eye, look, light, to_light, shadow, warmth, colour):
    albedo = np.zeros(3, np.float32)
    fill, catch = _unit((-0.8 * light[0], 0.1, 0.75)), (-0.25, 0.5, 0.85)
    for row in range(region.shape[0]):
        for column in range(region.shape[1]):
            r = region[row, column]
            if r == 255:
                continue
            b = buffer[row, column]
            position = (b[POSITION], b[POSITION + 1], b[POSITION + 2])
            view = _unit((eye[0] - position[0], eye[1] - position[1], eye[2] - position[2]))
            normal = _unit((b[NORMAL], b[NORMAL + 1], b[NORMAL + 2]))
            if _dot(normal, view) < 0:
                normal = (-normal[0], -normal[1], -normal[2])
            specular, gloss = surface(look, b, r, albedo)
            lit = _lit(position, normal, to_light, shadow)
            facing, towards = _dot(normal, view), _dot(normal, light)
            skin, eyeball = is_skin(r), r in (4, 5)
            ao = max(b[AO], 0.0) ** 1.15 if r <= 7 else 0.92
            y = b[TEXTURE + 1]
            if r == 2:
                ao = 0.35
            if eyeball:  # the upper lid's shadow
                ao = 0.32 + 0.68 * step(0.55, -0.35, y - look.eyes[r - 4, 1])
            if r <= 1 or r == 10:  # the chin's shadow on the neck
                ao *= 1 - 0.4 * step(-7.6, -10.5, y) * step(-15.5, -11.0, y)
            half = _unit(_add(light, view))
            rim = (1 - facing) ** 4 * max(-(normal[0] * light[0] - 0.3 * normal[1] + 0.6 * normal[2]), 0.0)
            shine = (
                specular * max(_dot(normal, half), 0.0) ** gloss * lit * 3.2 * (0.3 + 0.7 * (1 - facing) ** 3)
            )
            if eyeball:
                shine += 1.1 * max(_dot(normal, _unit(_add(catch, view))), 0.0) ** 130
            up = 0.5 + 0.5 * normal[1]
            for k in range(3):
                wrap = (0.38, 0.16, 0.10)[k] * skin
                diffuse = min(max((towards + wrap) / (1 + wrap), 0.0), 1.0) * (ao if eyeball else 1.0)
                bleed = lit + (1 - lit) * (0.12, 0.03, 0.02)[k] * skin
                sky = up * (0.50, 0.54, 0.60)[k] + (1 - up) * (0.34, 0.28, 0.25)[k]
                soft = max(_dot(normal, fill), 0.0) * (0.34, 0.36, 0.42)[k]
                value = albedo[k] * (
                    1.10 * diffuse * bleed * warmth[k] + (0.72 * sky + soft) * ao * min(warmth[k], 1.0)
                )
                colour[row, column, k] = value + shine * warmth[k] + 0.20 * rim
            colour[row, column, 3] = 1.0


@numba.njit(**FAST)
def _shade_hair(region, hair_depth, buffer, eye, look, light, to_light, shadow, warmth, colour, depth):
    """Kajiya-Kay highlights along the strands, laid over the body where the hair is nearer."""
    albedo = np.zeros(3, np.float32)
    fill = _unit((-0.8 * light[0], 0.1, 0.75))
    for row in range(region.shape[0]):
        for column in range(region.shape[1]):
            if region[row, column] == 255 or hair_depth[row, column] > depth[row, column]:
                continue
            b = buffer[row, column]
            strand, cover = hair_surface(look, b, albedo)
            if cover <= 0.01:
                continue
            position = (b[POSITION], b[POSITION + 1], b[POSITION + 2])
            view = _unit((eye[0] - position[0], eye[1] - position[1], eye[2] - position[2]))
            normal = _unit((b[NORMAL], b[NORMAL + 1], b[NORMAL + 2]))
            lit = _lit(position, normal, to_light, shadow)
            facing, towards = max(_dot(normal, view), 0.0), _dot(normal, light)
            half = _unit(_add(light, view))
            down = normal[1]  # strands hang down and a little forward, along the surface
            tangent = _unit((normal[0] * down, normal[1] * down - 1, normal[2] * down + 0.25))
            along = _dot(tangent, half) + 0.25 * (strand - 0.5)
            gleam = np.sqrt(max(1 - along * along, 0.0)) ** 38 * min(max(towards + 0.4, 0.0), 1.0)
            gleam *= 0.55 * (0.25 + 0.75 * lit)
            up = 0.5 + 0.5 * normal[1]
            for k in range(3):
                sky = up * (0.50, 0.54, 0.60)[k] + (1 - up) * (0.34, 0.28, 0.25)[k]
                soft = max(_dot(normal, fill), 0.0) * (0.34, 0.36, 0.42)[k]
                value = albedo[k] * (1.1 * max(towards, 0.0) * lit * warmth[k] + 0.66 * sky + 0.9 * soft)
                value = (value + gleam * (2.2 * albedo[k] + 0.03)) * (0.55 + 0.45 * facing)
                colour[row, column, k] = cover * value + (1 - cover) * colour[row, column, k]
            colour[row, column, 3] = cover + (1 - cover) * colour[row, column, 3]
            if cover > 0.5:
                depth[row, column] = hair_depth[row, column]


@numba.njit(**FAST)
def _develop(colour):
    """Linear light to sRGB with a soft shoulder, in place; colour stays multiplied by alpha."""
    for row in range(colour.shape[0]):
        for column in range(colour.shape[1]):
            alpha = colour[row, column, 3]
            if alpha > 0:
                for k in range(3):
                    v = max(colour[row, column, k] / alpha, 0.0)
                    v = v * (1 + v / 6) / (1 + v * 0.62) * 1.28
                    colour[row, column, k] = alpha * min(v, 1.0) ** (1 / 2.2)
