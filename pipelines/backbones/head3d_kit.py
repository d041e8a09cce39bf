"""Procedural portraits: the geometry of a person of head3d_person. Training data, made on the fly.

The kit (heads.npz) is derived from ICT-FaceKit (MIT): identity and expression modes of one template mesh,
plus hair and torso meshes that follow it. Nobody's photograph is in it. Texture space = the template's own
coordinates in cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipelines.backbones.head3d_person import (
    IDENTITY_MODES,
    LONG_STYLES,
    SCALARS,
    SHORT_STYLES,
    STYLES,
    Person,
    person_from,
)
from pipelines.backbones.head3d_raster import vertex_normals

BODY, HAIR = 0, 1  # the two layers of a geometry
TORSO_REGION, HAIR_REGION = 10, 11
LASH_REGION = 6
RIM_CM = 2.4  # hair rises from the scalp to its full height over this distance from its rim


@dataclass(frozen=True)
class Geometry:
    """A person's two layers (BODY, HAIR; hair may have no triangles), each with per-vertex attributes.

    vertices float32 [V, 3] in world units; triangles int32 [F, 3]; regions uint8 [F]; attributes float32
    [V, 12]: texture position in cm (3), normal (3), world position (3), ambient occlusion, lip mask, and
    the distance in cm between scalp and hair, measured from either layer to the other.
    """

    vertices: tuple[np.ndarray, np.ndarray]
    triangles: tuple[np.ndarray, np.ndarray]
    regions: tuple[np.ndarray, np.ndarray]
    attributes: tuple[np.ndarray, np.ndarray]
    labels: np.ndarray


class Kit:
    """The meshes and modes of heads.npz in memory."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        self.scale, self.centre = float(data["scale"]), data["center"]
        self.template = data["V"].astype(np.float32)
        self.triangles, self.region = data["tri"].astype(np.int32), data["reg"]
        self.ao, self.lip = data["ao"].astype(np.float32), data["lip"].astype(np.float32)
        self.identity = data["ids"].astype(np.float32).reshape(IDENTITY_MODES, -1)
        self.expression = data["ex"].astype(np.float32).reshape(len(data["ex"]), -1)
        self.expression_names = [str(name) for name in data["exn"]]
        self.landmarks = data["lm"]
        self.texture = self._texture(self.template)
        self.torso = self._follower(data, "torso")
        self._normals = vertex_normals(self.texture, self.triangles)
        self.hair = {style: self._hair(data, style) for style in STYLES if style != "bald"}
        self.eyes = np.stack([self.texture[self.region == region].mean(0) for region in (4, 5)])
        self.brow_lines = self.texture[self.landmarks[17:27]].reshape(2, 5, 3)
        self.eye_lines = np.stack(
            [self.texture[self.landmarks[[36, 37, 38, 39]]], self.texture[self.landmarks[[42, 43, 44, 45]]]]
        )
        region = self.region[self.triangles[:, 0]]
        self._no_lashes = region != LASH_REGION
        # The lower lashes and the outer ends look like dirt at this size: keep the upper ones.
        middle = self.texture[self.triangles].mean(1)
        self._upper_lashes = self._no_lashes | (
            (middle[:, 1] > self.eyes[0, 1] - 0.05) & (middle[:, 2] < 10.05)
        )

    def _texture(self, vertices: np.ndarray) -> np.ndarray:
        return (vertices / self.scale + self.centre).astype(np.float32)

    def _follower(self, data: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
        """A mesh that is moved by the template vertices it is bound to: torso or hair."""
        return {
            "vertices": data[f"{prefix}_v"],
            "triangles": data[f"{prefix}_t"].astype(np.int32),
            "bound": data[f"{prefix}_i"].astype(np.int64),
            "weights": data[f"{prefix}_w"].astype(np.float32),
            "texture": self._texture(data[f"{prefix}_v"]),
        }

    def _hair(self, data: dict[str, np.ndarray], style: str) -> dict[str, np.ndarray]:
        """A hair mesh whose rim is laid down onto the scalp, with what the hair line is painted from.

        Adds "height" float32 [v], cm above the scalp, and "roots" float32 [V], cm from the template's
        vertices to it.
        """
        mesh = self._follower(data, f"h_{style}")
        skin = np.flatnonzero(self.region <= 1)
        scalp, normals = self.texture[skin], self._normals[skin]
        height, foot = cKDTree(scalp).query(mesh["texture"])
        offset = mesh["texture"] - scalp[foot]
        outside = np.einsum("vc,vc->v", offset, normals[foot]) > 0
        # Scalp under hair; how far a strand's root lies from the nearest bare skin says how near the rim
        # it is.
        covered = np.zeros(len(skin), bool)
        covered[cKDTree(scalp[foot[outside]]).query(scalp)[0] < 0.6] = True
        from_rim = cKDTree(scalp[~covered]).query(scalp[foot])[0]
        lain = 1 - (1 - _smooth(from_rim / RIM_CM)) * _smooth((mesh["texture"][:, 1] - 5.5) / 2.5)
        lain = np.where(outside, np.maximum(lain, 0.06), 1.0)[:, None]
        mesh["vertices"] = mesh["vertices"] - (self.scale * (1 - lain) * offset).astype(np.float32)
        mesh["texture"] = (mesh["texture"] - (1 - lain) * offset).astype(np.float32)
        mesh["height"] = np.where(outside, height * lain[:, 0], 9).astype(np.float32)
        roots = np.full(len(self.texture), 9.0, np.float32)
        roots[skin] = cKDTree(mesh["texture"][outside]).query(scalp)[0]
        mesh["roots"] = roots
        return mesh

    def displacement(self, person: Person) -> np.ndarray:
        """Identity and expression offsets of the template's vertices, float32 [V, 3]."""
        amounts = np.zeros(len(self.expression_names), np.float32)
        for name, amount in (
            ("mouthSmile", person.smile), ("eyeSquint", 0.25 * person.smile), ("jawOpen", person.mouth_open),
            ("browInnerUp", person.brow_up), ("browDown", person.brow_down), ("mouthFrown", person.frown),
            ("mouthPucker", person.pucker), ("eyeBlink", person.blink),
        ):  # fmt: skip
            for side in ("", "_L", "_R"):
                if name + side in self.expression_names:
                    amounts[self.expression_names.index(name + side)] = amount
        return (person.identity @ self.identity + amounts @ self.expression).reshape(-1, 3)

    def geometry(self, person: Person) -> Geometry:
        """Meshes of a person, posed and ready to draw."""
        moved = self.displacement(person)
        head = self.triangles[self._no_lashes if person.masculine else self._upper_lashes]
        torso, torso_vertices = self.torso, _follow(self.torso, moved)
        vertices = np.concatenate([self.template + moved, torso_vertices]).astype(np.float32)
        triangles = np.concatenate([head, torso["triangles"] + len(self.template)])
        regions = np.concatenate(
            [self.region[head[:, 0]], np.full(len(torso["triangles"]), TORSO_REGION, np.uint8)]
        )
        count = len(torso_vertices)
        body = _attributes(
            np.concatenate([self.texture, torso["texture"]]),
            vertices,
            triangles,
            np.concatenate([self.ao, np.ones(count, np.float32)]),
            np.concatenate([self.lip, np.zeros(count, np.float32)]),
            np.concatenate([self._roots(person.style), np.full(count, 9, np.float32)]),
        )
        hair_vertices, hair_triangles = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
        hair = np.zeros((0, body.shape[1]), np.float32)
        if person.style != "bald":
            mesh = self.hair[person.style]
            hair_vertices, hair_triangles = _follow(mesh, moved).astype(np.float32), mesh["triangles"]
            ones = np.ones(len(hair_vertices), np.float32)
            hair = _attributes(mesh["texture"], hair_vertices, hair_triangles, ones, 0 * ones, mesh["height"])
        return Geometry(
            vertices=(vertices, hair_vertices),
            triangles=(triangles, hair_triangles),
            regions=(regions, np.full(len(hair_triangles), HAIR_REGION, np.uint8)),
            attributes=(body, hair),
            labels=self.labels(person, moved),
        )

    def _roots(self, style: str) -> np.ndarray:
        return np.full(len(self.template), 9, np.float32) if style == "bald" else self.hair[style]["roots"]

    def labels(self, person: Person, moved: np.ndarray | None = None) -> np.ndarray:
        """Ground truth of ATTRIBUTES, float32 [7], each roughly in 0..1."""
        moved = self.displacement(person) if moved is None else moved
        face = (self.template + moved)[self.landmarks]
        width = np.linalg.norm(face[15] - face[1]) / np.linalg.norm(face[8] - face[27])
        lowest = -5.0 if person.style == "bald" else self.hair[person.style]["texture"][:, 1].min()
        length = (person.style != "bald") * (0.3 + 0.7 * np.clip((-5 - lowest) / 8, 0, 1))
        bright = person.hair_light * (1 - 0.5 * person.hair_dye) + 0.4 * person.hair_grey
        return np.array(
            [
                person.smile,
                3 * person.mouth_open,
                person.beard,
                bright,
                length,
                3 * (width - 1.1),
                person.skin / 7,
            ],
            np.float32,
        )

    def labels_of(self, z: np.ndarray) -> np.ndarray:
        """Ground truth of ATTRIBUTES of a code's person, float32 [7]."""
        return self.labels(person_from(z))

    def edit(self, z: np.ndarray, attribute: str, amount: float) -> np.ndarray:
        """The code with one of ATTRIBUTES set low (amount -1) or high (+1) and all else kept, float64
        [Z_DIM].
        """
        z = np.array(z, np.float64)
        styles = slice(IDENTITY_MODES, IDENTITY_MODES + len(STYLES))
        if attribute == "face_width":
            direction = self._width_gradient()
            z[:IDENTITY_MODES] += (2.0 * amount - z[:IDENTITY_MODES] @ direction) * direction
        elif attribute == "hair_length":
            wanted = LONG_STYLES if amount > 0 else SHORT_STYLES
            z[styles] += 6.0 * np.isin(STYLES, wanted)
        else:
            scalar = {"hair_colour": "hair_light", "skin_tone": "skin"}.get(attribute, attribute)
            high = {"smile": 1.6, "mouth_open": 1.8, "beard": 1.2, "hair_colour": 1.3, "skin_tone": 1.3}[
                attribute
            ]
            z[IDENTITY_MODES + len(STYLES) + SCALARS.index(scalar)] = high * amount
        return z

    def _width_gradient(self) -> np.ndarray:
        """Unit direction in identity coefficients along which the face's width-to-height ratio grows
        fastest.
        """
        modes = self.identity.reshape(IDENTITY_MODES, -1, 3)[:, self.landmarks]
        base = self.template[self.landmarks]

        def ratio(face: np.ndarray) -> float:
            return np.linalg.norm(face[15] - face[1]) / np.linalg.norm(face[8] - face[27])

        gradient = np.array([ratio(base + mode) - ratio(base - mode) for mode in modes])
        return gradient / np.linalg.norm(gradient)


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _follow(mesh: dict[str, np.ndarray], moved: np.ndarray) -> np.ndarray:
    return mesh["vertices"] + np.einsum("vkc,vk->vc", moved[mesh["bound"]], mesh["weights"])


def _attributes(texture, vertices, triangles, ao, lip, height) -> np.ndarray:
    columns = (
        texture,
        vertex_normals(vertices, triangles),
        vertices,
        ao[:, None],
        lip[:, None],
        height[:, None],
    )
    return np.ascontiguousarray(np.concatenate(columns, 1), np.float32)
