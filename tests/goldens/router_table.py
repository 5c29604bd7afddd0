"""`router.json`: what transformers' `DeepseekV3TopkRouter` selects and weighs, from hand-made and from random logits.

Notable: the router weight is the identity, so that the "hidden states" it is given are its logits. Weights are listed in
the order of the ascending expert indices, since transformers asks for unsorted top-k. Ties occur, but never between an
expert (or group) that is selected and one that is not: which of those wins is nobody's contract.
"""

import numpy as np
import torch
from common import numbers, write_json
from routing import choose
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf
from types import SimpleNamespace

RANDOM_CASES = 200


def router():
    rng = np.random.default_rng(71)
    cases = hand_vectors()
    while len(cases) < len(hand_vectors()) + RANDOM_CASES:
        case = random_case(rng, len(cases))
        if case is not None:
            cases.append(case)
    write_json("router.json", {"cases": cases})


def hand_vectors():
    gate_scores = [0.9, 0.2, 0.6, 0.7, 0.1, 0.8, 0.3, 0.4]
    gate_bias = [0, 0.3, 0, -0.25, 0, -0.35, 0.5, 0]
    grouped = {"n_group": 4, "topk_group": 2, "num_experts_per_tok": 4, "routed_scaling_factor": 2.5}
    flat = {"n_group": 1, "topk_group": 1, "num_experts_per_tok": 4, "routed_scaling_factor": 1.0}
    return [
        case_of("group-limited gate with bias", logit([gate_scores]), gate_bias, grouped, expect=[0, 1, 6, 7]),
        case_of("the same without group limit", logit([gate_scores]), gate_bias, flat, expect=[0, 1, 2, 6]),
        case_of("the same without group limit and bias", logit([gate_scores]), [0] * 8, flat, expect=[0, 2, 3, 5]),
        case_of(
            "masked groups stay masked when every biased score is negative (B1)",
            logit([[0.9, 0.8, 0.3, 0.2]]),
            [-1] * 4,
            {"n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "routed_scaling_factor": 1.0},
            expect=[0, 1],
        ),
        case_of(
            "gates are read from un-biased scores (B2)",
            logit([[0.6, 0.5, 0.4, 0.3]]),
            [0, 0, 0, 0.5],
            flat | {"num_experts_per_tok": 2},
            expect=[0, 3],
        ),
        case_of(
            "tiny affinities survive a large bias (B3)",
            torch.tensor([[-18.0, -17.0]]),
            [12, 12],
            flat | {"num_experts_per_tok": 2},
            expect=[0, 1],
        ),
        case_of(
            "all affinities underflow to zero and the gates stay finite (B4)",
            torch.full((1, 4), -200.0),
            [0.4, 0.1, 0.3, 0.2],
            flat | {"num_experts_per_tok": 2},
            expect=[0, 2],
        ),
        case_of(
            "two selected experts are tied",
            logit([[0.2, 0.7, 0.7, 0.1], [0.5, 0.5, 0.5, 0.25]]),
            [0] * 4,
            flat | {"num_experts_per_tok": 3},
        ),
    ]


def logit(scores):
    return torch.tensor(scores, dtype=torch.float64).logit().float()


def random_case(rng, index):
    """A random shape and 1 to 3 tokens; every other case on a coarse grid, so that ties abound. None if a tie decides."""
    n_group = int(rng.choice([1, 2, 3, 4, 5]))
    per_group = int(rng.integers(2, 6))
    topk_group = int(rng.integers(1, n_group + 1))
    shape = {
        "n_group": n_group,
        "topk_group": topk_group,
        "num_experts_per_tok": int(rng.integers(1, topk_group * per_group + 1)),
        "routed_scaling_factor": float(rng.choice([1.0, 2.5])),
        "norm_topk_prob": bool(rng.random() < 0.8),
    }
    experts = n_group * per_group
    logits = rng.normal(0, 2, (int(rng.integers(1, 4)), experts))
    bias = rng.normal(-0.2, 0.5, experts)
    grid = (lambda x: np.round(x * 4) / 4) if index % 2 else (lambda x: np.round(x, 4))
    logits, bias = torch.from_numpy(grid(logits)).float(), grid(bias).tolist()
    return case_of(f"random {index}", logits, bias, shape)


def case_of(name, logits, bias, shape, expect=None):
    module = build_router(logits.shape[1], bias, {"norm_topk_prob": True} | shape)
    biased = logits.sigmoid() + module.e_score_correction_bias
    ours, margin = choose(module, biased)
    if margin < 1e-5:
        return None
    with torch.no_grad():
        seen_logits, weights, indices = module(logits)
    indices, order = indices.sort(-1)
    assert torch.equal(seen_logits, logits) and torch.equal(indices, ours) and torch.isfinite(weights).all()
    assert expect is None or indices.tolist() == [expect]
    return {
        "name": name,
        "nRoutedExperts": logits.shape[1],
        "nGroup": module.num_group,
        "topkGroup": module.topk_group,
        "numExpertsPerTok": module.top_k,
        "normTopkProb": module.norm_topk_prob,
        "routedScalingFactor": module.routed_scaling_factor,
        "logits": numbers(logits),
        "bias": numbers(module.e_score_correction_bias),
        "topkIndices": indices.tolist(),
        "topkWeights": numbers(weights.gather(1, order)),
    }


def build_router(experts, bias, shape):
    module = hf.DeepseekV3TopkRouter(SimpleNamespace(num_local_experts=experts, hidden_size=experts, **shape))
    with torch.no_grad():
        module.weight.copy_(torch.eye(experts))
        module.e_score_correction_bias.copy_(torch.tensor(bias, dtype=torch.float32))
    return module
