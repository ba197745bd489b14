"""Trains the default model: starts, or resumes what was there.

    python -m training.train                 run until stopped
    python -m training.train --minutes 30    run for a while
    python -m training.train --cooldown 20   branch off: let the rate fall to nothing in 20 minutes, export
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import time
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from training import checkpoint, data, export, grow, tasks, vocab
from training.example import Example
from training.model import Mini, Shape
from training.optim import Average, Optimizer
from training.paths import AUXILIARY, MODEL_DIR, state_dir
from training.tasks import Portion

RATE = 2.5e-3
VISION_RATE = 0.6
WARM_UP = 150  # steps, after the start and after a change of stage
REPORT_SECONDS = 60
SAVE_SECONDS = 240
EVALUATE_SECONDS = 1500
AVERAGE_EVERY = 4


WATCHED = ("aux_loss", "aux_accuracy", "answer_loss", "characters", "locations")  # of every task


@dataclass(frozen=True)
class Stage:
    """A part of the training. It ends when the running mean of `watch` reaches `until`."""

    name: str
    portions: tuple[Portion, ...]
    decoder: bool
    rate: float
    aux_weight: float
    watch: str
    until: float


def reading(**windows: tuple[float, int]) -> tuple[Portion, ...]:
    """Portions of the task "ocr": rowsN=(share, windows a batch)."""
    return tuple(Portion("ocr", int(rows.removeprefix("rows")), share, count) for rows, (share, count) in windows.items())


STAGES = (
    Stage("letters", reading(rows4=(1.0, 6)), False, 1.0, 1.0, "aux_accuracy", 0.40),
    Stage("lines", reading(rows2=(0.75, 8), rows4=(0.25, 5)), True, 1.0, 1.0, "characters", 0.60),
    Stage("windows", reading(rows2=(0.1, 8), rows4=(0.55, 5), rows8=(0.25, 3), rows16=(0.1, 2)), True, 1.0, 1.0, "characters", 0.75),
    Stage("tiles", reading(rows4=(0.4, 5), rows8=(0.25, 3), rows16=(0.35, 2)), True, 1.0, 0.7, "characters", 0.85),
    Stage(
        "tasks",
        reading(rows4=(0.12, 5), rows8=(0.07, 3), rows16=(0.12, 2))
        + (
            Portion("molecule", 16, 0.08, 2),
            Portion("molecule", 8, 0.08, 4),
            Portion("molecule", 4, 0.04, 6),
            Portion("omr", 16, 0.10, 2),
            Portion("omr", 8, 0.12, 4),
            Portion("table", 16, 0.08, 2),
            Portion("table", 8, 0.06, 4),
            Portion("pictures", 16, 0.03, 3),
            Portion("pictures", 8, 0.04, 5),
            Portion("pictures", 4, 0.05, 6),
            Portion("regions", 16, 0.05, 3),
            Portion("regions", 8, 0.03, 5),
        ),
        True, 1.0, 0.7, "characters", 2.0,
    ),
)  # fmt: skip


class Shares:
    """Deals the batches of a step out to the processes: each takes another one when it is done with one, so that
    none waits long for one whose core is busy with something else."""

    def __init__(self, batches: int):
        self.batches = batches
        self.taken = mp.get_context("spawn").Value("q", 0)

    def take(self, step: int, first: bool, ranks: int) -> bool:
        """Whether this process does another batch of a step counted from the run's start. Each does one at least."""
        if first:
            return True
        with self.taken.get_lock():
            if self.taken.value >= (step + 1) * (self.batches - ranks):
                return False
            self.taken.value += 1
            return True


class Meter:
    """Running means of what is watched."""

    def __init__(self, keep: float = 0.98):
        self.keep = keep
        self.values: dict[str, float] = {}

    def add(self, **values: float) -> None:
        for k, v in values.items():
            self.values[k] = self.keep * self.values.get(k, v) + (1 - self.keep) * v


def say(text: str) -> None:
    """Write a line to the log (standard output)."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


class Trainer:
    """One process of a training run."""

    def __init__(self, options: argparse.Namespace, rank: int, shares: Shares):
        self.options, self.rank, self.ranks, self.shares = options, rank, options.processes, shares
        self.device = torch.device(options.device)
        torch.set_num_threads(options.threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(options.seed)
        self.started = time.time()
        self.progress = {"step": 0, "samples": 0, "stage": 0, "stage_step": 0, "seconds": 0.0, "meter": {}}
        self.stopping = False
        self.parent = os.getppid()
        self.model = Mini().to(self.device)
        state = None if options.fresh else checkpoint.load()
        if state is None and not options.fresh and (MODEL_DIR / "model.safetensors").exists():
            # Only what is committed is left: go on from there with a fresh warm-up.
            export.load_weights(self.model, MODEL_DIR)
            self.progress |= {"stage": len(STAGES) - 1} | export.load_auxiliary(self.model, AUXILIARY)
        self.optimizer = Optimizer(self.model, VISION_RATE)
        self.average = Average(self.model)
        if state is not None:
            grow.silence(self.model, Shape(**state["shape"]))
            self.progress |= checkpoint.restore(state, self.model, self.optimizer, self.average)
            if rank == 0:
                say(f"resumed at step {self.progress['step']}")
        if options.stage is not None and options.stage != self.progress["stage"]:
            self.progress |= {"stage": options.stage, "stage_step": 0}
        self.meter = Meter()
        self.meter.values = dict(self.progress["meter"])
        self.before = self.progress["seconds"]
        self.resumed_step = self.progress["step"]

    @property
    def stage(self) -> Stage:
        return STAGES[self.progress["stage"]]

    def rate(self) -> float:
        """The learning rate of this step."""
        warm = min(self.progress["stage_step"], self.progress["step"] - self.resumed_step + WARM_UP // 2)
        rate = RATE * self.options.rate * self.stage.rate * min(1.0, (warm + 1) / WARM_UP)
        if self.options.cooldown:
            rate *= max(0.0, 1 - (time.time() - self.started) / (60 * self.options.cooldown))
        return rate

    def out_of_time(self) -> bool:
        minutes = self.options.cooldown or self.options.minutes
        orphaned = self.parent != os.getppid()
        return self.stopping or orphaned or bool(minutes and time.time() - self.started > 60 * minutes)

    def portions(self) -> tuple[Portion, ...]:
        """What the present stage draws, of the tasks that are asked for."""
        chosen = self.options.tasks.split(",") if self.options.tasks else tasks.NAMES
        portions = tuple(p._replace(count=max(1, round(p.count * self.options.batch))) for p in self.stage.portions if p.task in chosen)
        if not portions:
            raise SystemExit(f"stage {self.stage.name} has nothing of {self.options.tasks}")
        return portions

    def stream(self):
        """Batches of the present stage."""
        p = self.progress
        stream = data.Stream(self.portions(), hash((self.options.seed, p["stage"], p["step"])) & 0xFFFFFF, self.rank)
        loader = torch.utils.data.DataLoader(
            stream, batch_size=None, num_workers=self.options.workers, prefetch_factor=4 if self.options.workers else None
        )
        return iter(loader)

    def train_step(self, stream) -> None:
        """One update, from as many batches as this process takes and those of the others."""
        stage, p = self.stage, self.progress
        # Of each task the number of batches and what is watched of them, then all windows and patches.
        sums = torch.zeros(len(tasks.NAMES) * (1 + len(WATCHED)) + 2, device=self.device)
        by_task = sums[:-2].view(len(tasks.NAMES), -1)
        first = True
        while self.shares.take(p["step"] - self.resumed_step, first, self.ranks):
            first, (task, batch) = False, next(stream)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
                losses = self.model.losses(batch.to(self.device), stage.decoder, stage.aux_weight)
            (losses.total / self.shares.batches).backward()
            windows, patches, _ = batch.patches.shape
            watched = (losses.aux, losses.aux_accuracy, losses.answer, losses.character_accuracy, losses.location_accuracy)
            by_task[task] += torch.tensor([1.0, *watched], device=self.device)
            sums[-2:] += torch.tensor([windows, windows * patches], device=self.device)
        norm = self.optimizer.step(self.rate(), sums)
        windows, patches = sums[-2:].tolist()
        p["step"] += 1
        p["stage_step"] += 1
        p["samples"] += int(windows)
        p["patches"] = p.get("patches", 0) + int(patches)
        if p["step"] % AVERAGE_EVERY == 0 and self.rank == 0:
            self.average.update(self.model, AVERAGE_EVERY)
        self.meter.add(norm=norm)
        for name, (batches, *watched) in zip(tasks.NAMES, by_task.tolist()):
            if batches:
                prefix = "" if name == "ocr" else f"{name}."
                named = {f"{prefix}{k}": v / batches for k, v in zip(WATCHED, watched)}
                self.meter.add(**named if stage.decoder else {k: v for k, v in named.items() if "aux" in k})

    def agree(self) -> tuple[bool, bool]:
        """Whether all processes stop, and whether all enter the next stage: the first process decides."""
        values = self.meter.values
        onward = self.progress["stage"] + 1 < len(STAGES) and values.get(self.stage.watch, 0) >= self.stage.until
        onward = onward and self.progress["stage_step"] > 3 * WARM_UP
        flags = torch.tensor([float(self.out_of_time()), float(onward)])
        if self.ranks > 1:
            dist.broadcast(flags, 0)
        return bool(flags[0]), bool(flags[1])

    def run(self) -> None:
        """Train until time is up or a signal says stop."""
        stream = self.stream()
        said = saved = scored = time.time()
        step = self.progress["step"]
        while True:
            self.train_step(stream)
            if self.progress["step"] % 5:
                continue
            stop, onward = self.agree()
            now = time.time()
            self.progress["seconds"] = self.before + now - self.started
            if self.rank == 0 and (now - said > REPORT_SECONDS or stop):
                self.report((self.progress["step"] - step) / (now - said))
                said, step = now, self.progress["step"]
            if onward:
                self.progress |= {"stage": self.progress["stage"] + 1, "stage_step": 0}
                stream = self.stream()
                if self.rank == 0:
                    say(f"stage {self.stage.name}")
            if self.rank == 0 and not self.options.cooldown and (now - saved > SAVE_SECONDS or stop or onward):
                self.save()
                saved = time.time()
            if self.rank == 0 and (now - scored > EVALUATE_SECONDS or (stop and self.options.cooldown)):
                self.score()
                scored = time.time()
            if stop:
                return

    def report(self, speed: float) -> None:
        """A line of the log and a point of the curve."""
        p = self.progress
        point = {k: round(v, 4) for k, v in self.meter.values.items()}
        checkpoint.log_point(
            {"time": round(time.time()), "seconds": round(p["seconds"]), "step": p["step"], "samples": p["samples"], "stage": self.stage.name}
            | point
        )
        shown = " ".join(f"{k} {v:.3f}" for k, v in point.items())
        say(f"{self.stage.name} step {p['step']} samples {p['samples']} {speed:.2f} steps/s rate {self.rate():.5f} {shown}")

    def save(self) -> None:
        self.progress["meter"] = dict(self.meter.values)
        checkpoint.save(self.model, self.optimizer, self.average, self.progress)

    def score(self) -> None:
        """Read fixed tiles in fonts kept out of training, with the averaged weights."""
        model = Mini(self.model.shape)
        model.load_state_dict(self.average.weights)
        model.eval()
        point = {"time": round(time.time()), "step": self.progress["step"], "samples": self.progress["samples"]}
        if self.stage.decoder:
            for rows, count, limit in ((4, 48, 200), (16, 24, 500)):
                if rows == 16 and self.meter.values.get("characters", 0) < 0.5:
                    continue
                point[f"rows{rows}"] = score_examples(model, "ocr", tasks.fixed("ocr", count, rows), limit)
            for name in {p.task for p in self.portions()} - {"ocr"}:
                point[name] = score_examples(model, name, tasks.fixed(name, 32, 16), 300)
        else:
            batch = data.collate(data.fixed_tiles(96, 4))
            with torch.no_grad():
                point["validation_aux"] = model.losses(batch, False, 1.0).aux_accuracy
        checkpoint.log_point(point)
        say(f"score {point}")


def score_examples(model: Mini, name: str, examples: list[Example], limit: int) -> dict[str, float]:
    """A task's scores of greedy answers to examples of one height."""
    said = []
    for i in range(0, len(examples), 12):
        batch = data.collate(examples[i : i + 12])
        said += [vocab.decode(ids) for ids in model.generate(batch.patches, limit, batch.first_row, batch.prompts)]
    return tasks.score(name, said, examples)


def worker(rank: int, options: argparse.Namespace, shares: Shares) -> None:
    """Body of one process."""
    if options.processes > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", str(options.port))
        dist.init_process_group("gloo", rank=rank, world_size=options.processes)
    trainer = Trainer(options, rank, shares)

    def stop(*_) -> None:
        trainer.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    trainer.run()
    if options.cooldown and rank == 0:
        export.publish(trainer.model, trainer.progress)
    if options.processes > 1:
        dist.destroy_process_group()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--minutes", type=float, default=0, help="stop after this long (default: run until stopped)")
    add("--cooldown", type=float, default=0, help="lower the rate to nothing over this many minutes and export; the state stays")
    add("--rate", type=float, default=1.0, help="factor on the learning rate")
    add("--stage", type=int, default=None, help="go to this stage")
    add("--tasks", default="", help="only these tasks of the stage's mixture, joined by commas")
    add("--fresh", action="store_true", help="start over from random weights")
    add("--seed", type=int, default=int(time.time()), help="seed of the tiles drawn from here on")
    add("--processes", type=int, default=os.cpu_count() if (os.cpu_count() or 1) <= 4 else 4)
    add("--threads", type=int, default=1, help="of each process")
    add("--batches", type=int, default=4, help="a step, dealt out to the processes")
    add("--batch", type=float, default=1.0, help="factor on the size of a batch")
    add("--workers", type=int, default=0, help="extra processes that render, for each process (0: render in between)")
    add("--device", default="cpu")
    add("--bf16", action="store_true", help="bfloat16 arithmetic where autocast allows")
    add("--port", type=int, default=29517)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    state_dir().mkdir(parents=True, exist_ok=True)
    with open(state_dir() / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run holds {state_dir() / 'lock'}") from None
        start(options)


def start(options: argparse.Namespace) -> None:
    """Run the processes of a run, and hand signals on to them."""
    shares = Shares(max(options.batches, options.processes))
    if options.processes == 1:
        worker(0, options, shares)
        return
    context = mp.get_context("spawn")
    children = [context.Process(target=worker, args=(rank, options, shares)) for rank in range(options.processes)]
    for child in children:
        child.start()

    def stop(*_) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for child in children:
        child.join()
    raise SystemExit(max(abs(child.exitcode or 0) for child in children))


if __name__ == "__main__":
    main()
