"""
Placements of experts as the released balancer makes them.

    git clone https://github.com/deepseek-ai/EPLB
    python tests/goldens/eplb.py EPLB/eplb.py     # writes data/eplb.json

The loads are whole numbers, so that float32 sums of them are exact; many of them are equal, which shows what is done
with ties. For that the sorts of the balancer are made stable here: those of torch.Tensor.sort are not where there are
more than 16 items, and which of two equal experts comes first then depends on the version.
"""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch

DATA = pathlib.Path(__file__).parent / "data"

# experts, replicas, groups, nodes, gpus, largest load
CASES = [
    (12, 16, 4, 2, 8, 200),
    (16, 20, 4, 2, 4, 5),
    (16, 16, 4, 4, 16, 9),
    (24, 32, 8, 2, 8, 1000),
    (24, 36, 8, 3, 12, 3),
    (18, 24, 3, 2, 8, 100),  # three groups on two nodes: global
    (7, 10, 7, 2, 10, 50),  # global, counts without a common divisor
    (256, 288, 8, 4, 32, 5000),
    (64, 80, 1, 1, 80, 300),
]


def sort_stably():
    sort = torch.Tensor.sort
    torch.Tensor.sort = lambda self, dim=-1, descending=False: sort(self, dim=dim, descending=descending, stable=True)


def main(path):
    sort_stably()
    spec = importlib.util.spec_from_file_location("eplb", path)
    eplb = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(eplb)
    random = np.random.Generator(np.random.PCG64(14))
    cases = []
    for experts, replicas, groups, nodes, gpus, largest in CASES:
        weights = random.integers(0, largest, size=(2, experts))
        weights[1, 0] = 100 * largest  # one expert that nearly everybody wants
        physical, logical, counts = eplb.rebalance_experts(torch.tensor(weights), replicas, groups, nodes, gpus)
        cases.append(
            {
                "weights": weights.tolist(),
                **dict(zip(("replicas", "groups", "nodes", "gpus"), (replicas, groups, nodes, gpus))),
                "physicalToLogical": physical.tolist(),
                "logicalToPhysical": logical.tolist(),
                "counts": counts.tolist(),
            }
        )
    golden = {"versions": {"torch": torch.__version__.split("+")[0]}, "cases": cases}
    (DATA / "eplb.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
