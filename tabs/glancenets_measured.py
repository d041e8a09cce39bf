"""What was measured of the embedded nets: the leakage meter, and Hinton diagrams of alignment."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from pipelines import glancenets
from pipelines.glancenets import WORLDS, LeakMeter, Matrix
from pipelines.weights import read_card


def leak_meter(world: str) -> str:
    """Measured leakage of a world's nets beside the paper's figures."""
    meter = glancenets.leakage(world)
    rows = (
        ("CBNM, answers everything", "bottleneck", meter.reported_bottleneck, "other"),
        ("GlanceNet, made to answer everything", "no_rejection", meter.reported_no_rejection, ""),
        ("GlanceNet, paper's rule", "paper_rule", meter.reported_glancenet, "best"),
        ("GlanceNet, extended rule (ours)", "extended_rule", None, "best"),
    )
    bars = "".join(_leak_row(label, meter, name, told, kind) for label, name, told, kind in rows)
    return (
        f"<section class='np-meter'><p><b>How much leaks.</b> {html.escape(meter.question)} A probe gets "
        "nothing but the concepts of pictures from outside the training world. 0 % is a coin's guess, 100 % "
        f"is always right; what is rejected counts as a coin's guess.</p><ul>{bars}</ul>"
        f"<p class='np-meter-key'><span>Bars: measured here, {_nets(meter)}.</span>"
        f"{_reported_key(meter)}</p>{_coverage(world, meter)}</section>"
    )


def _nets(meter: LeakMeter) -> str:
    return "one net of each kind" if meter.seeds == 1 else f"means over {meter.seeds} nets of each kind"


def _leak_row(label: str, meter: LeakMeter, name: str, reported: float | None, kind: str) -> str:
    measured = getattr(meter, name)
    low, high = meter.ranges[name]
    told = f"<small>{low:.0%} to {high:.0%}</small> " if high - low >= 0.01 else ""
    told += f"<small>reported {reported:.0%}</small>" if reported is not None else ""
    mark = f"<em style='--at:{reported:.3f}'></em>" if reported is not None else ""
    return (
        f"<li><span>{label}</span>"
        f"<span class='np-meter-bar {kind}' style='--share:{measured:.3f}'><i></i>{mark}</span>"
        f"<span><b>{_percent(measured)}</b> {told}</span></li>"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def _reported_key(meter: LeakMeter) -> str:
    if meter.reported_bottleneck is None:
        return "<span>The paper has no such test in this world.</span>"
    return "<span class='reported'>reported in the paper, for its own nets</span>"


def _coverage(world: str, meter: LeakMeter) -> str:
    return (
        "<p><b>What rejection does, and what it doesn't.</b> It answers fewer pictures. Of those from "
        f"outside, the paper's rule still lets {_percent(meter.coverage_paper)} through and the extended "
        f"rule {_percent(meter.coverage_extended)}; of new pictures from inside they keep "
        f"{_percent(meter.kept_paper)} and {_percent(meter.kept_extended)}. It doesn't clean the concepts: "
        f"made to answer everything, a GlanceNet leaks too.{_slipped(meter)}</p>{_passed(world, meter)}"
    )


def _slipped(meter: LeakMeter) -> str:
    """What pictures that slip through tell."""
    if meter.right_if_accepted_paper is None or meter.right_if_accepted_extended is None:
        return ""
    return (
        " And what slips through leaks more, not less: of those pictures the probe is right in "
        f"{meter.right_if_accepted_paper:.0%} by the paper's rule and {meter.right_if_accepted_extended:.0%} "
        "by the extended one."
    )


def _passed(world: str, meter: LeakMeter) -> str:
    """Share of strangers accepted, by what they are."""
    names = {factor.name: factor.label.lower() for factor in WORLDS[world].held_out}
    told = ", ".join(
        f"{names.get(kind, f'{kind}s')} {_percent(share['paper'])} ({_percent(share['extended'])})"
        for kind, share in meter.passed.items()
    )
    if not told:
        return ""
    what = "Robots accepted though unlike training" if world == "faces" else "Other digits accepted"
    return f"<p><b>{what}</b>, by the paper's rule (and by the extended rule): {told}.</p>"


def tie() -> str:
    """Both nets' alignment at each level of the study, in a sentence."""
    study = read_card("glancenets")["metrics"]["alignment_study"]
    parts = []
    for level, row in study.items():
        ours, theirs = row["glancenet"], row["cbnm"]
        ranges = [
            f"{one['alignment_range'][0]:.3f} to {one['alignment_range'][1]:.3f}" for one in (ours, theirs)
        ]
        parts.append(
            f"with {level} of the concepts labelled {ours['alignment']:.3f} ({ranges[0]}) and "
            f"{theirs['alignment']:.3f} ({ranges[1]})"
        )
    return (
        "Here it is a tie. GlanceNet and CBNM, mean and range of three nets each: " + "; ".join(parts) + "."
    )


def hinton_pair(level: str) -> str:
    """Both nets' alignment at a level of supervision, one of `levels()`."""
    pair = [matrix for matrix in glancenets.alignment() if _level(matrix) == level]
    figures = "".join(map(_hinton, pair))
    return f"<div class='np-hintons'>{figures}</div>"


def levels() -> list[str]:
    """The levels of concept supervision that were measured, the embedded nets first."""
    return list(dict.fromkeys(_level(matrix) for matrix in _ordered()))


def _ordered() -> Sequence[Matrix]:
    return sorted(glancenets.alignment(), key=lambda matrix: (not matrix.shipped, matrix.supervision))


def _level(matrix: Matrix) -> str:
    share = f"{matrix.supervision:.0%} of concepts labelled"
    return f"Embedded nets, {share}" if matrix.shipped else f"Study, {share}"


def _hinton(matrix: Matrix) -> str:
    cell, left, top = 30, 78, 66
    labels = {factor.name: factor.label for factor in (*WORLDS["faces"].concepts, *WORLDS["faces"].held_out)}
    largest = float(np.abs(matrix.weights).max()) or 1.0
    parts = []
    for i, row in enumerate(matrix.rows):
        y = top + i * cell + cell / 2
        parts.append(f"<text x='{left - 8}' y='{y + 4}' text-anchor='end'>{labels.get(row, row)}</text>")
        for j, column in enumerate(matrix.columns):
            x = left + j * cell + cell / 2
            if i == 0:
                name = labels.get(column, column)
                parts.append(f"<text transform='translate({x + 4} {top - 8}) rotate(-45)'>{name}</text>")
            half = 0.46 * cell * float(np.sqrt(abs(matrix.weights[i, j]) / largest))
            kind = "on" if row == column else "off"
            parts.append(
                f"<rect class='{kind}' x='{x - half:.1f}' y='{y - half:.1f}' width='{2 * half:.1f}' "
                f"height='{2 * half:.1f}'><title>{labels.get(row, row)} tells {labels.get(column, column)}: "
                f"{matrix.weights[i, j]:.2f}</title></rect>"
            )
    width, height = left + len(matrix.columns) * cell + 34, top + len(matrix.rows) * cell + 4
    frame = (
        f"<rect class='frame' x='{left}' y='{top}' width='{len(matrix.columns) * cell}' "
        f"height='{len(matrix.rows) * cell}'/>"
    )
    return (
        f"<figure><figcaption><b>{matrix.model}</b> alignment {matrix.alignment:.3f}, "
        f"explicitness {matrix.explicitness:.3f}</figcaption>"
        f"<svg viewBox='0 0 {width} {height}' role='img' aria-label='Hinton diagram of the {matrix.model}, "
        f"alignment {matrix.alignment:.3f}'>{frame}{''.join(parts)}</svg></figure>"
    )
