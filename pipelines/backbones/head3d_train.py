"""`python -m pipelines.backbones.head3d_train --data DIR --out DIR`: train the 3D head generator.

Two phases, one generator. Warm start: every training person has a Gaussian code z (head3d_person.person_from)
and is seen from several sides; G(mapping(z)) and G(encoder(one view)) must both show that person from the
others, in single points (head3d_points) and in renderings. Then, on a GPU, the same losses plus a
discriminator on RGBA (non-saturating, R1, lazy), with dual discrimination. What ships is an exponential
moving average, and its encoder is trained anew on more persons (head3d_encoder). A run can be cut into
slices: --slice-minutes ends one, --resume goes on where it stopped; --start begins anew from weights.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from pathlib import Path

from pipelines.backbones.head3d_checkpoint import (
    load_checkpoint,
    save_checkpoint,
    save_compact,
    save_weights,
    start_from,
)
from pipelines.backbones.head3d_data import HeadPool
from pipelines.backbones.head3d_directions import fit_directions
from pipelines.backbones.head3d_sheet import contact_sheet, random_heads
from pipelines.backbones.head3d_trainer import Schedule, Trainer, TrainSettings
from pipelines.runtime import cpu_count, device, use_threads

REPORT_SECONDS = 15.0
SAVE_SECONDS = 300.0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with heads.npz")
    parser.add_argument(
        "--out", type=Path, required=True, help="checkpoints, weights, log.jsonl and sheets go here"
    )
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--resume", type=Path, help="folder of an earlier slice")
    begin.add_argument("--start", type=Path, help="a head3d.safetensors whose networks a new run begins with")
    parser.add_argument(
        "--size", type=int, choices=(64, 128), help="resolution of the planes; by device if not given"
    )
    parser.add_argument(
        "--total-minutes", type=float, help="length of the whole schedule; default 25 on a GPU, else 300"
    )
    parser.add_argument("--slice-minutes", type=float, help="stop after so many minutes, set-up included")
    parser.add_argument("--steps", type=int, help="length of the schedule in steps, in place of minutes")
    parser.add_argument(
        "--workers", type=int, help="rendering processes; default: one per core on a GPU machine, else 1"
    )
    parser.add_argument("--threads", type=int, default=1, help="torch threads while rendering goes on")
    parser.add_argument(
        "--compact", action="store_true", help="also write the small checkpoint, in parts of 15 MiB"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few steps")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Train until the slice or the schedule ends; write checkpoint, weights and a contact sheet."""
    begun = time.monotonic()
    args = parse(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    stop = _stop_signal()
    use_threads(args.threads)
    gpu = device() == "cuda"
    settings = TrainSettings.for_device(device(), args.size or (128 if gpu else 64), args.quick)
    seconds = 60 * (args.total_minutes or (25 if gpu else 300))
    steps = 6 if args.quick else args.steps
    # In a few hours of two cores a discriminator learns nothing: there, all the time goes to the persons.
    schedule = Schedule(seconds, steps, warm_share=0.45 if gpu else 1.0, small_share=0.15 if gpu else 0.1)
    trainer = Trainer(settings, schedule, device(), args.seed)
    if args.resume:
        load_checkpoint(trainer, args.resume)
    if args.start:
        start_from(trainer, args.start)
    workers = args.workers if args.workers is not None else cpu_count() if gpu else 1
    kit = args.data / "heads.npz"
    # Every slice of a run meets new persons, numbered by the step it starts from.
    first = 1000 * trainer.step
    pool = HeadPool(
        kit, device(), settings.capacity, settings.start, 0 if args.quick else workers, first=first
    )
    end = begun + 60 * args.slice_minutes - settings.closing_seconds if args.slice_minutes else float("inf")
    try:
        train(trainer, pool, args.out, end, stop, grow_threads=not gpu and args.workers is None)
    finally:
        pool.close()
    finish(trainer, kit, args.out, args.compact, people=8 if args.quick else 128)


def train(
    trainer: Trainer, pool: HeadPool, out: Path, end: float, stop: list[bool], grow_threads: bool
) -> None:
    """Steps until the schedule is done, time.monotonic() passes `end`, or `stop` fills.

    With `grow_threads`, torch takes the rendering process's core over once the pool is full.
    """
    saved = reported = time.monotonic()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while not trainer.finished and not stop and time.monotonic() < end:
            if grow_threads and not pool.growing:
                use_threads(cpu_count())
                grow_threads = False
            losses = trainer.train_step(pool)
            now = time.monotonic()
            if now - reported > REPORT_SECONDS or trainer.finished:
                reported = now
                line = json.dumps({**trainer.report(losses), "pool": pool.filled})
                print(line, flush=True)
                log.write(line + "\n")
                log.flush()
            if now - saved > SAVE_SECONDS:
                saved = now
                save_checkpoint(trainer, out)
                _sheet(trainer, out, people=8)


def finish(trainer: Trainer, kit: Path, out: Path, compact: bool, people: int) -> None:
    """Write checkpoint, weights with attribute directions fitted on so many `people`, and the sheet."""
    save_checkpoint(trainer, out)
    if compact:
        save_compact(trainer, out)
    directions = fit_directions(trainer.averaged.generator.mapping, kit, people)
    save_weights(trainer.averaged, directions, out / "head3d.safetensors")
    _sheet(trainer, out)
    summary = {"step": trainer.step, "progress": round(trainer.progress, 4), "finished": trainer.finished}
    print(json.dumps(summary), flush=True)


def _sheet(trainer: Trainer, out: Path, people: int = 24) -> None:
    generator = trainer.averaged.generator
    contact_sheet(generator, random_heads(generator.mapping, people), out / "sheet.png")


def _stop_signal() -> list[bool]:
    """A list that becomes non-empty on SIGTERM or SIGINT, so that the checkpoint is still written."""
    stopped: list[bool] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    return stopped


if __name__ == "__main__":
    main()
