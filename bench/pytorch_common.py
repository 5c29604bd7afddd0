"""What both PyTorch peers share: sizes, options, and how a training step is timed."""

import argparse
import json
import resource
import statistics
import sys
import time
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Size:
    """One size of the comparison; presets peer-s, peer-a and peer-b of tinyseek are the same."""

    hidden: int
    layers: int
    routed: int
    per_token: int
    batch: int
    seq: int
    vocab: int = 512
    nope: int = 32
    rope: int = 16
    value: int = 32
    groups: int = 4
    kept_groups: int = 2
    routed_scaling: float = 2.5

    @property
    def heads(self):
        return max(2, self.hidden // 32)

    @property
    def q_rank(self):
        return self.hidden // 2

    @property
    def kv_rank(self):
        return self.hidden // 4

    @property
    def dense_width(self):
        return 4 * self.hidden

    @property
    def expert_width(self):
        return self.hidden // 2


SIZES = {
    "s": Size(hidden=64, layers=2, routed=8, per_token=2, batch=4, seq=64),
    "a": Size(hidden=128, layers=4, routed=16, per_token=4, batch=8, seq=128),
    "b": Size(hidden=256, layers=6, routed=32, per_token=4, batch=8, seq=128),
}

LEAST_STEPS, LEAST_SECONDS = 15, 2.0
WARM_UP_STEPS, WARM_UP_SECONDS = 5, 1.0


def parse_options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", choices=SIZES, default="a")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, help="steps to time (default: at least 15, for 2 seconds)")
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return options


def random_tokens(size):
    return torch.randint(0, size.vocab, (size.batch, size.seq))


def time_steps(step, least, seconds):
    """Seconds of each of at least `least` steps, for at least `seconds`."""
    times = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return times


def report(name, options, model, step):
    """Times `step` by the rules of `tinyseek bench step` and prints one line of JSON with the same keys."""
    timed = options.steps or LEAST_STEPS
    time_steps(step, min(WARM_UP_STEPS, timed), WARM_UP_SECONDS)
    times = time_steps(step, timed, 0 if options.steps else LEAST_SECONDS)
    size = SIZES[options.size]
    median = statistics.median(times)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB on Linux
    print(json.dumps({
        "name": name,
        "preset": f"peer-{options.size}",
        "threads": options.threads,
        "compiled": options.compile,
        "version": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": len(times),
        "msPerStep": median * 1e3,
        "msMin": min(times) * 1e3,
        "tokensPerSecond": size.batch * size.seq / median,
        "peakMemoryBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }))
