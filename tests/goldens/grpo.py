"""Table `grpo.json`: GRPO's advantages, loss and gradients by torch autograd. Needs torch and numpy only."""

import numpy as np
import torch
from common import numbers, write_json

# Distinct sizes: 3 groups of 5 answers of up to 7 tokens, in rows of 11 positions.
GROUPS, GROUP, LONGEST, POSITIONS, SEED = 3, 5, 7, 11, 112


def grpo():
    """
    The equations of the report (26 to 28) and of DeepSeekMath, written answer by answer, with loops, so that nothing of
    how the library lays them out is repeated. Ratios are far enough from 1 for the clip to act on both sides.
    """
    rng = np.random.default_rng(SEED)
    answers = GROUPS * GROUP
    rewards = torch.from_numpy(rng.uniform(-1, 2, (GROUPS, GROUP)))
    rewards[1] = torch.from_numpy(rng.integers(0, 2, GROUP))  # right or wrong
    rewards[2] = 0.1  # all alike: no signal
    lengths = rng.integers(1, LONGEST + 1, answers)
    starts = rng.integers(0, POSITIONS - LONGEST, answers)
    logps = torch.from_numpy(rng.uniform(-3, -0.1, (answers, POSITIONS))).float()
    sampled = logps + torch.from_numpy(rng.normal(0, 0.25, (answers, POSITIONS))).float()
    reference = logps + torch.from_numpy(rng.normal(0, 0.5, (answers, POSITIONS))).float()
    values = {
        "rewards": numbers(rewards),
        "advantages": {kind: numbers(advantages(rewards, kind)) for kind in ("group", "mean", "reward")},
        "lengths": lengths.tolist(),
        "starts": starts.tolist(),
        "logps": numbers(logps),
        "sampled": numbers(sampled),
        "reference": numbers(reference),
        "cases": [
            case(logps, sampled, reference, advantages(rewards, "group").flatten(), lengths, starts, *options)
            for options in [
                ("token", "answer", 0.2, 0.04),
                ("token", "token", 0.2, 0.04),
                ("token", "answer", 0.1, 0.0),
                ("sequence", "answer", 0.2, 0.04),
                ("sequence", "answer", 0.3, 1.0),
            ]
        ],
    }
    write_json("grpo.json", values)


def advantages(rewards, kind):
    if kind == "reward":
        return rewards
    centred = rewards - rewards.mean(1, keepdim=True)
    return centred if kind == "mean" else centred / (rewards.std(1, correction=0, keepdim=True) + 1e-6)


def case(logps, sampled, reference, advantage, lengths, starts, level, mean_over, clip, beta):
    logps = logps.double().requires_grad_()
    terms, shares, clipped, bound = [], [], 0, 0
    for i, (length, start) in enumerate(zip(lengths, starts)):
        tokens = slice(start, start + length)
        policy, old, ref = logps[i, tokens], sampled[i, tokens].double(), reference[i, tokens].double()
        if level == "sequence":
            policy, old, ref = policy.sum()[None], old.sum()[None], ref.sum()[None]
        ratio = (policy - old).exp()
        surrogate = torch.minimum(ratio * advantage[i], ratio.clamp(1 - clip, 1 + clip) * advantage[i])
        k3 = (ref - policy).exp() - (ref - policy) - 1
        terms.append(surrogate - beta * k3)
        shares.append(1 / len(terms[-1]) / len(lengths) if mean_over == "answer" else 1 / lengths.sum())
        binds = (advantage[i] > 0) & (ratio > 1 + clip) | (advantage[i] < 0) & (ratio < 1 - clip)
        clipped, bound = clipped + binds.sum().item(), bound + len(ratio)
    loss = -sum((term * share).sum() for term, share in zip(terms, shares))
    loss.backward()
    assert 0 < clipped < bound, "a case in which the clip does nothing, or everything, shows little"
    return {
        "level": level,
        "meanOver": mean_over,
        "clip": clip,
        "beta": beta,
        "loss": numbers(loss),
        "dLogps": numbers(logps.grad),
        "clippedShare": clipped / bound,
    }
