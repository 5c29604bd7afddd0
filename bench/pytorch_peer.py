"""The peer to beat: transformers' DeepseekV3ForCausalLM on PyTorch, at the same sizes on the same processor.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python bench/pytorch_peer.py --size a --threads 2      # one line of JSON

A step: forward, backward, gradients clipped to 1.0, AdamW, zero_grad, on synthetic tokens.
"""

import torch

from pytorch_common import SIZES, parse_options, random_tokens, report
from pytorch_model import create_model


def main():
    options = parse_options("A training step of transformers' DeepSeek-V3")
    size = SIZES[options.size]
    model = create_model(size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = random_tokens(size)
    run = torch.compile(model) if options.compile else model

    def step():
        loss = run(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    report("transformers", options, model, step)


main()
