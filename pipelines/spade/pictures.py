"""Pictures: what is in an upload, and reading it safely. Zips are unpacked in memory, member by member."""

from __future__ import annotations

import csv
import io
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from pipelines.errors import InputError
from pipelines.picture import FORMATS, SUFFIXES, as_seen
from pipelines.runtime import Progress
from pipelines.spade.labels import ANOMALY, NORMAL, UNKNOWN, guess_value

FIELD = "Pictures"
SIDE = 128
MOST_PICTURES = 2000
FEWEST_PICTURES = 12
MOST_BYTES = 500_000_000
"""Unpacked size of a zip at most."""
MOST_RATIO = 200
"""Unpacked over packed size of one member at most: beyond it is a zip bomb."""
MOST_PIXELS = 40_000_000
"""Of one picture."""
MOST_PIXELS_IN_ALL = 2_000_000_000
"""Of all pictures together: what is decoded in about a minute."""
MOST_WORDS = 5_000_000
"""Bytes of a CSV of labels that are read."""
REPORT_EVERY = 0.3
"""Seconds between reports while pictures are read."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one size, with labels from folders or a CSV."""

    name: str
    names: tuple[str, ...]
    images: np.ndarray
    """uint8 [n, 128, 128, 3]."""
    y: np.ndarray
    truth: tuple[str, ...]
    """What truth.csv says of each, "" where nothing."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A file of an upload, not read yet: by itself, or within a zip."""

    name: str
    path: Path
    packed: zipfile.ZipInfo | None

    @property
    def is_picture(self) -> bool:
        return self.name.lower().endswith(SUFFIXES)

    @property
    def is_table(self) -> bool:
        return self.name.lower().endswith(".csv")


@dataclass(frozen=True)
class Survey:
    """What is in an upload, by the names alone: no picture has been opened."""

    pictures: tuple[Member, ...]
    y: np.ndarray
    """Labels by folder or CSV, int [n] in {1, 0, -1}."""
    truth: tuple[str, ...]
    notes: tuple[str, ...]
    """One note per file that was left out; `told` has each once."""

    @property
    def told(self) -> tuple[str, ...]:
        return _counted_notes(self.notes)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.pictures)

    @property
    def counted(self) -> str:
        """How many pictures there are of each label, in words."""
        normal, anomaly = int((self.y == NORMAL).sum()), int((self.y == ANOMALY).sum())
        rest = len(self.y) - normal - anomaly
        words = f"{normal} labelled normal, {anomaly} labelled anomaly, {rest} unlabelled."
        return f"{len(self.y):,} pictures: {words}"


def survey(paths: Sequence[str | Path]) -> Survey:
    """List the pictures of files and zips. Folders or a CSV (file, label) say what is labelled.

    Raises InputError if a zip is none or unpacks to too much, or if there are too few or too many pictures.
    """
    notes: list[str] = []
    labels: dict[str, str] = {}
    truth: dict[str, str] = {}
    members = [member for path in map(Path, paths) for member in _members(path, notes)]
    with ExitStack() as stack:
        read = _reader(stack)
        for member in members:
            if member.is_table:
                words = truth if PurePosixPath(member.name.lower()).name == "truth.csv" else labels
                words.update(_named(read(member)[:MOST_WORDS]))
            elif not member.is_picture:
                notes.append("A file was left out: it is no picture.")
    found = tuple(member for member in members if member.is_picture)
    _count(len(found))
    if len(found) > MOST_PICTURES:
        raise InputError(f"There are more than {MOST_PICTURES:,} pictures.", "Send fewer.", FIELD)
    y = np.array([_label(member.name, labels) for member in found])
    if not (y != UNKNOWN).any():
        notes.append("No folder or CSV says what is normal or an anomaly: every picture is unlabelled.")
    told = tuple(_lookup(member.name, truth) or "" for member in found)
    return Survey(found, y, told, tuple(notes))


def read_pictures(paths: Sequence[str | Path]) -> Iterator[Progress | Pictures]:
    """Read picture files and zips. Yields Progress, finally Pictures. Raises InputError as `survey` does, and
    if too few can be read, they hold too many pixels, or all are the same."""
    listed = survey(paths)
    notes = list(listed.notes)
    images: dict[int, np.ndarray] = {}
    pixels, told = 0, time.monotonic()
    with ExitStack() as stack:
        read = _reader(stack)
        for i, member in enumerate(listed.pictures):
            if time.monotonic() - told > REPORT_EVERY:
                yield Progress(i, len(listed.pictures), "reading pictures")
                told = time.monotonic()
            image, size = _decode(read(member), notes)
            pixels += size
            if pixels > MOST_PIXELS_IN_ALL:
                raise InputError(
                    f"The pictures hold more than {MOST_PIXELS_IN_ALL // 10**6:,} megapixels together.",
                    f"Scale them down: of each, {SIDE} × {SIDE} pixels are looked at.",
                    FIELD,
                )
            if image is not None:
                images[i] = image
    _count(len(images))
    pile = np.stack(list(images.values()))
    if (pile == pile[0]).all():
        raise InputError("All pictures are the same.", "Send different ones.", FIELD)
    notes.append(f"Every picture was scaled to {SIDE} × {SIDE} pixels.")
    names, truth = ([values[i] for i in images] for values in (listed.names, listed.truth))
    y = listed.y[list(images)]
    yield Pictures(Path(paths[0]).name, tuple(names), pile, y, tuple(truth), _counted_notes(notes))


def _counted_notes(notes: Sequence[str]) -> tuple[str, ...]:
    """Every note once, with how often it was made."""
    return tuple(
        f"{note.removesuffix('.')} ({count:,} files)." if count > 1 else note
        for note, count in Counter(notes).items()
    )


def _reader(stack: ExitStack) -> Callable[[Member], bytes]:
    """A function that reads members; zips stay open until the stack closes. Damaged members read as empty."""
    archives: dict[Path, zipfile.ZipFile] = {}

    def read(member: Member) -> bytes:
        if member.packed is None:
            return member.path.read_bytes()
        if member.path not in archives:
            archives[member.path] = stack.enter_context(zipfile.ZipFile(member.path))
        try:
            return archives[member.path].read(member.packed)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError):
            return b""

    return read


def _count(found: int) -> None:
    if found < FEWEST_PICTURES:
        raise InputError(
            f"{found} picture{'s' * (found != 1)} found; at least {FEWEST_PICTURES} are needed.",
            "Send a zip with folders normal, anomaly and unlabelled.",
            FIELD,
        )


def _members(path: Path, notes: list[str]) -> Iterator[Member]:
    """The files of an upload. Nothing is written, so that no name can escape; links and such are left out."""
    if path.suffix.lower() != ".zip":
        yield Member(path.name, path, None)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError):
        raise InputError(f"{path.name} is not a zip file.", "Pack the folder again.", FIELD) from None
    total = 0
    for member in sorted(packed, key=lambda member: member.filename):
        name = member.filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if "__MACOSX" in parts or PurePosixPath(name).name.startswith("."):
            continue
        if name.startswith("/") or ".." in parts or ":" in parts[0]:
            notes.append("A file was left out: its name is unsafe.")
        elif (member.external_attr >> 16) & 0o170000 == 0o120000:
            notes.append("A file was left out: it is a link.")
        elif name.lower().endswith(".zip"):
            notes.append("A file was left out: it is a zip inside the zip.")
        else:
            total += member.file_size
            if total > MOST_BYTES or member.file_size > MOST_RATIO * max(1, member.compress_size) + 1_000_000:
                raise InputError(
                    f"{path.name} unpacks to too much.", f"Stay under {MOST_BYTES // 10**6} MB.", FIELD
                )
            yield Member(name, path, member)


def _decode(data: bytes, notes: list[str]) -> tuple[np.ndarray | None, int]:
    """A picture as uint8 [128, 128, 3], or None and a note why not; and how many pixels the file holds."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=FORMATS) as picture,
        ):
            pixels = picture.width * picture.height
            if pixels > MOST_PIXELS:
                notes.append(f"A file was left out: it has over {MOST_PIXELS // 10**6} megapixels.")
                return None, 0
            if min(picture.size) < 8:
                notes.append("A file was left out: it is smaller than 8 × 8 pixels.")
                return None, 0
            if getattr(picture, "n_frames", 1) > 1:
                notes.append("Of a moving picture the first frame was taken.")
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # a large JPEG is decoded small
            return np.asarray(as_seen(picture).resize((SIDE, SIDE), Image.Resampling.BILINEAR)), pixels
    except Exception:  # damaged files make Pillow raise nearly anything
        notes.append("A file was left out: it is damaged, locked or no picture.")
        return None, 0


def _named(data: bytes) -> dict[str, str]:
    """file -> word, from a CSV of two columns."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", errors="replace")))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


def _lookup(name: str, words: dict[str, str]) -> str | None:
    return words.get(name, words.get(PurePosixPath(name).name))


def _label(name: str, labels: dict[str, str]) -> int:
    """1, 0 or -1 from a CSV of labels, else from the innermost folder whose name says it."""
    word = _lookup(name, labels)
    if word is not None:
        return {"anomaly": ANOMALY, "normal": NORMAL}.get(guess_value(word), UNKNOWN)
    for folder in reversed(PurePosixPath(name).parts[:-1]):
        meaning = guess_value(folder)
        if meaning in ("anomaly", "normal"):
            return ANOMALY if meaning == "anomaly" else NORMAL
    return UNKNOWN
