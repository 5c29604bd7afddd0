"""Writes every golden under `data/`. Run as `python tests/goldens/generate.py [case...]`; see README.md."""

import sys

import foreign_rope
import foreign_tokens
import grpo
import label_weights
import model_cases
import mtp_cases
import ppo
import precision_tables
import router_table
import sampling
import step_case
import tables
import torch
from transformers.utils import logging

CASES = {
    "base": model_cases.base,
    "no-q-lora": model_cases.no_q_lora,
    "yarn": model_cases.yarn,
    "many-groups": model_cases.many_groups,
    "rope-half": model_cases.rope_half,
    "norm-off": model_cases.norm_off,
    "steps": step_case.steps,
    "mtp": mtp_cases.mtp,
    "mtp-paper": mtp_cases.mtp_paper,
    "router": router_table.router,
    "rope": tables.rope,
    "foreign-rope": foreign_rope.foreign_rope,
    "foreign-tokens": foreign_tokens.foreign_tokens,
    "balance": tables.balance,
    "adamw": tables.adamw,
    "label-weights": label_weights.label_weights,
    "grpo": grpo.grpo,
    "ppo": ppo.ppo,
    "sampling": sampling.sampling,
    "precision": precision_tables.precision,
}


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for name in sys.argv[1:] or CASES:
        CASES[name]()
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
