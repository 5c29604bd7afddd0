"""Case `steps`: twenty optimizer steps of the `base` shape with PyTorch's AdamW and gradient clipping."""

import numpy as np
import torch
from common import BASE_CONFIG, BATCH, TOKENS, file_names, numbers, random_model, write_case
from model_cases import float64_norms, run
from routing import RouterProbe, inspect

STEPS, LEARNING_RATE, SEED = 20, 5e-3, 82


def steps():
    config = BASE_CONFIG
    batches = learnable_batches(config["vocab_size"])
    model = random_model(config, SEED)
    initial = file_names(model.state_dict())
    losses, grad_norms, margins = train(model, batches)
    final = file_names(dict(model.named_parameters()))
    with float64_norms():
        losses64, _, _ = train(random_model(config, SEED).double(), batches)
    assert min(margins) > 1e-4 and min(grad_norms) > 1 and losses[-1] < losses[0] - 1
    values = {
        "learningRate": LEARNING_RATE,
        "betas": [0.9, 0.95],
        "eps": 1e-8,
        "weightDecay": 0.1,
        "maxGradNorm": 1.0,
        "ids": batches.tolist(),
        "losses": losses,
        "gradNorms": grad_norms,
        "smallestRoutingMargin": min(margins),
        "largestLossDifferenceToFloat64": max(abs(a - b) for a, b in zip(losses, losses64)),
    }
    write_case("steps", config, initial, {f"final.{name}": t for name, t in final.items()}, values)


def learnable_batches(vocab_size):
    """Twenty batches [B, T+1] of `next = 5 * current + 3 (mod V)`, one token in ten random: the loss can fall."""
    rng = np.random.default_rng(SEED + 1)
    ids = rng.integers(0, vocab_size, (STEPS, BATCH, TOKENS + 1))
    for t in range(1, TOKENS + 1):
        follow = rng.random((STEPS, BATCH)) < 0.9
        ids[..., t] = np.where(follow, (5 * ids[..., t - 1] + 3) % vocab_size, ids[..., t])
    return torch.from_numpy(ids)


def train(model, batches):
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=LEARNING_RATE, betas=(0.9, 0.95), eps=1e-8)
    losses, grad_norms, margins = [], [], []
    probe = RouterProbe(model)
    for ids in batches:
        optimizer.zero_grad()
        loss = run(model, ids).loss
        loss.backward()
        grad_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        margins += [record["smallestMargin"] for record in inspect(probe)]
        probe.calls.clear()
        optimizer.step()
        losses.append(numbers(loss))
        grad_norms.append(numbers(grad_norm))
    return losses, grad_norms, margins


def parameter_groups(model):
    """Decay on everything with two or more axes (embedding, head, router, stacked experts), none on norm gains."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
