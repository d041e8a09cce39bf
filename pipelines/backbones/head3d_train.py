"""`python -m pipelines.backbones.head3d_train --data DIR --out DIR`: train the 3D head generator.

Two phases, one generator. Warm start: every training person has a Gaussian code z (head3d_kit.person_from)
and is seen from several sides; G(mapping(z)) and G(encoder(view)) must both show that person from all of
them. Then the same losses plus a discriminator on RGBA (non-saturating, R1, lazy), dual discrimination and
an exponential moving average. A run can be cut into slices: --slice-minutes ends one, --resume goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from pathlib import Path

from pipelines.runtime import cpu_count, device, use_threads

from .head3d_checkpoint import load_checkpoint, save_checkpoint, save_compact, save_weights
from .head3d_data import HeadPool
from .head3d_directions import fit_directions
from .head3d_sheet import contact_sheet
from .head3d_trainer import Schedule, Trainer, TrainSettings

REPORT_SECONDS = 15.0
SAVE_SECONDS = 300.0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with heads.npz")
    parser.add_argument(
        "--out", type=Path, required=True, help="checkpoints, weights, log.jsonl and sheets go here"
    )
    parser.add_argument("--resume", type=Path, help="folder of an earlier slice")
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
    use_threads(args.threads)
    gpu = device() == "cuda"
    settings = TrainSettings.for_device(device(), args.size or (128 if gpu else 64), args.quick)
    steps = 6 if args.quick else args.steps
    seconds = 60 * (args.total_minutes or (25 if gpu else 300))
    schedule = Schedule(seconds, steps, warm_share=0.45 if gpu else 0.6, small_share=0.15 if gpu else 0.3)
    trainer = Trainer(settings, schedule, device(), args.seed)
    if args.resume:
        load_checkpoint(trainer, args.resume)
    workers = 0 if args.quick else args.workers if args.workers is not None else cpu_count() if gpu else 1
    # Every slice meets new persons, numbered by the step it starts from.
    pool = HeadPool(
        args.data / "heads.npz",
        device(),
        settings.capacity,
        settings.start,
        workers,
        first=trainer.step * 1000,
    )
    stop = _stop_signal()
    saved = reported = time.monotonic()
    try:
        with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:
            while not trainer.finished and not stop:
                if (
                    args.slice_minutes
                    and time.monotonic() - begun > 60 * args.slice_minutes - settings.closing_seconds
                ):
                    break
                if not pool.growing and not gpu and args.workers is None:
                    use_threads(max(args.threads, cpu_count()))
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
                    save_checkpoint(trainer, args.out)
                    contact_sheet(trainer.averaged.generator, args.out / "sheet.png")
    finally:
        pool.close()
    save_checkpoint(trainer, args.out)
    if args.compact:
        save_compact(trainer, args.out)
    trainer.averaged.generator.mapping.measure_mean()
    directions = fit_directions(
        trainer.averaged.generator.mapping, args.data / "heads.npz", people=8 if args.quick else 256
    )
    save_weights(trainer.averaged, directions, args.out / "head3d.safetensors")
    contact_sheet(trainer.averaged.generator, args.out / "sheet.png")
    print(
        json.dumps(
            {"step": trainer.step, "progress": round(trainer.progress, 4), "finished": trainer.finished}
        )
    )


def _stop_signal() -> list[bool]:
    """A list that becomes non-empty on SIGTERM or SIGINT, so that the checkpoint is still written."""
    stopped: list[bool] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    return stopped


if __name__ == "__main__":
    main()
