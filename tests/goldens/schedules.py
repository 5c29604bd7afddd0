"""
The pipeline schedules of the installed PyTorch as text: what each rank computes, and the same with sends and receives.

    python tests/goldens/schedules.py     # writes data/schedules.json
"""

import json
import pathlib

import torch
from torch.distributed.pipelining import schedules as pipelining
from torch.distributed.pipelining._utils import generate_stage_to_rank_mapping

DATA = pathlib.Path(__file__).parent / "data"

CASES = [
    ("gpipe", "ScheduleGPipe", 1, [(2, 3), (4, 8), (5, 5)]),
    ("1f1b", "Schedule1F1B", 1, [(2, 3), (4, 8), (5, 5), (8, 20)]),
    ("interleaved-1f1b", "ScheduleInterleaved1F1B", 2, [(2, 4), (4, 8), (4, 10), (4, 3), (3, 8)]),
    ("zb1p", "ScheduleInterleavedZeroBubble", 1, [(2, 4), (4, 8), (4, 10), (4, 3), (8, 20)]),
    ("zbv", "ScheduleZBVZeroBubble", 2, [(2, 4), (4, 8), (4, 5), (3, 7), (8, 20)]),
    ("dualpipev", "ScheduleDualPipeV", 2, [(1, 2), (2, 4), (3, 7), (4, 10), (5, 10), (8, 20)]),
]


class Stage:
    """Computes nothing, and writes down what it is asked to compute."""

    def __init__(self, rank, ranks, index, stages):
        self.group_rank, self.group_size = rank, ranks
        self.stage_index, self.num_stages = index, stages
        self.is_first, self.is_last = index == 0, index == stages - 1
        self.has_backward = True
        self.submod = torch.nn.Identity()
        self.calls = []

    def forward_one_chunk(self, micro_batch, *_, **__):
        self.calls.append(pipelining._Action(self.stage_index, pipelining.FORWARD, micro_batch))

    def backward_one_chunk(self, micro_batch, **_):
        self.calls.append(pipelining._Action(self.stage_index, pipelining.FULL_BACKWARD, micro_batch))

    def no_messages(self, micro_batch):
        return []

    get_fwd_recv_ops = get_fwd_send_ops = get_bwd_recv_ops = get_bwd_send_ops = no_messages

    def perform_reduce_grad(self, scale):
        pass


def compute_actions(cls, per_rank, ranks, micro_batches):
    """
    What each rank computes. A schedule of one stage a rank is run, because the tables that `_get_pipeline_order` of
    torch 2.13.0 prints for 1F1B are not what it does (the last rank begins with micro-batch 1 there).
    """
    if issubclass(cls, pipelining.PipelineScheduleSingle):
        actions = {}
        for rank in range(ranks):
            stage = Stage(rank, ranks, rank, ranks)
            schedule = cls(stage, micro_batches)
            schedule._initialize_stage = lambda *_, **__: None
            schedule._step_microbatches([()] * micro_batches, [{}] * micro_batches)
            actions[rank] = stage.calls
        return actions
    stages = [Stage(0, ranks, index * ranks, per_rank * ranks) for index in range(per_rank)]
    order = cls(stages, micro_batches).pipeline_order
    return {rank: [action for action in actions if action is not None] for rank, actions in order.items()}


def case(label, name, per_rank, ranks, micro_batches):
    style = "v" if label in ("zbv", "dualpipev") else "loop"
    mapping = generate_stage_to_rank_mapping(ranks, per_rank * ranks, style=style)
    compute = compute_actions(getattr(pipelining, name), per_rank, ranks, micro_batches)
    with_messages = pipelining._add_send_recv(
        {rank: list(actions) for rank, actions in compute.items()}, lambda stage: mapping[stage], per_rank * ranks
    )
    return {
        "schedule": label,
        "class": name,
        "ranks": ranks,
        "microBatches": micro_batches,
        "operations": [" ".join(map(repr, compute[rank])) for rank in range(ranks)],
        "actions": [" ".join(map(repr, with_messages[rank])) for rank in range(ranks)],
    }


def main():
    cases = [case(label, name, per, *size) for label, name, per, sizes in CASES for size in sizes]
    golden = {"versions": {"torch": torch.__version__.split("+")[0]}, "cases": cases}
    (DATA / "schedules.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
