"""Table of rounding to float8_e4m3fn, float8_e5m2 and bfloat16: every code, every tie, and random numbers."""

import numpy as np
import torch
from common import write_json

FORMATS = {"e4m3": (torch.float8_e4m3fn, 448.0), "e5m2": (torch.float8_e5m2, 57344.0)}


def precision():
    """
    Numbers are float32 patterns (uint32), so that nothing is lost on the way.

    `codes`: the value of each of the 256 patterns. `inputs` and `rounded`: between all neighbours the tie, the float32
    numbers next to it on both sides, and random numbers of all sizes. Casts of torch do not saturate; inputs stop where
    rounding would leave the format.
    """
    table = {name: float8_case(dtype, largest) for name, (dtype, largest) in FORMATS.items()}
    write_json("precision.json", table | {"bfloat16": bfloat16_case()})


def float8_case(dtype, largest):
    codes = torch.arange(256, dtype=torch.uint8).view(dtype).float()
    finite = codes[torch.isfinite(codes)].unique()
    ties = (finite[:-1] + finite[1:]) / 2
    inputs = torch.cat([ties, beside(ties, np.inf), beside(ties, -np.inf), random_numbers(largest)])
    rounded = inputs.to(dtype).float()
    assert torch.isfinite(rounded).all() and (rounded.to(dtype).float() == rounded).all()
    return {"codes": patterns(codes), "inputs": patterns(inputs), "rounded": patterns(rounded)}


def bfloat16_case():
    values = torch.from_numpy(np.random.default_rng(3).integers(0, 2**32, 997, dtype=np.uint32).view(np.float32).copy())
    values = values[torch.isfinite(values)]
    ties = ((values.view(torch.int32) & ~0xFFFF) | 0x8000).view(torch.float32)
    inputs = torch.cat([values, ties, beside(ties, np.inf), beside(ties, -np.inf)])
    inputs = inputs[torch.isfinite(inputs)]
    return {"inputs": patterns(inputs), "rounded": patterns(inputs.to(torch.bfloat16).float())}


def random_numbers(largest):
    rng = np.random.default_rng(7)
    numbers = rng.standard_normal(499) * np.exp2(rng.uniform(-20, np.log2(largest), 499))
    return torch.from_numpy(numbers).float().clamp(-largest, largest)


def beside(values, towards):
    return torch.from_numpy(np.nextafter(values.numpy(), np.float32(towards)))


def patterns(values):
    return [bits & 0xFFFFFFFF for bits in values.view(torch.int32).tolist()]
