"""Tables for single functions: rotary embedding, balance loss, AdamW and gradient clipping."""

import numpy as np
import torch
from common import BASE_CONFIG, hf_config, numbers, write_json
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf

# Float32 rounds the angle `position * frequency` itself: an implementation that multiplies in float64 may differ by about
# position * 6e-8, so tables stop at 127.
POSITIONS = [0, 1, 2, 3, 5, 8, 13, 40, 127]


def rope():
    """`cos`, `sin` [positions, R/2] with the attention scaling multiplied in, and the softmax scale of the same config."""
    released = {"type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096, "beta_fast": 32.0}
    released |= {"beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0}
    small = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 4.0}
    small |= {"beta_slow": 0.1, "mscale": 1.0, "mscale_all_dim": 1.0}
    small_shape = {"qk_rope_head_dim": 10, "rope_theta": 100.0}
    released_shape = {"qk_nope_head_dim": 128, "qk_rope_head_dim": 64}
    cases = [
        rope_case("plain, small", small_shape),
        rope_case("plain, released size", released_shape),
        rope_case("yarn, small", small_shape | {"max_position_embeddings": 32, "rope_scaling": small}),
        rope_case(
            "linear, small", small_shape | {"max_position_embeddings": 32, "rope_scaling": {"type": "linear", "factor": 4.0}}
        ),
        rope_case("yarn, released", released_shape | {"max_position_embeddings": 163840, "rope_scaling": released}),
        rope_case(
            "yarn, small, mscale unlike mscale_all_dim",
            small_shape | {"max_position_embeddings": 32, "rope_scaling": small | {"mscale": 0.5}},
        ),
    ]
    write_json("rope.json", {"positions": POSITIONS, "cases": cases})


def rope_case(name, changes):
    config = BASE_CONFIG | changes
    embedding = hf.DeepseekV3RotaryEmbedding(hf_config(config))
    cos, sin = embedding(torch.zeros(1), torch.tensor([POSITIONS]))
    half = config["qk_rope_head_dim"] // 2
    assert torch.equal(cos[..., :half], cos[..., half:])
    return {
        "name": name,
        "qkNopeHeadDim": config["qk_nope_head_dim"],
        "qkRopeHeadDim": config["qk_rope_head_dim"],
        "ropeTheta": config["rope_theta"],
        "maxPositionEmbeddings": config["max_position_embeddings"],
        "ropeScaling": camel_case(config["rope_scaling"]),
        "inverseFrequencies": numbers(embedding.inv_freq),
        "cosSinScale": embedding.attention_scaling,
        "cos": numbers(cos[0, :, :half]),
        "sin": numbers(sin[0, :, :half]),
        "softmaxScale": hf.DeepseekV3Attention(hf_config(config), layer_idx=0).scaling,
    }


def camel_case(keys):
    if keys is None:
        return None
    words = {key: key.split("_") for key in keys}
    return {w[0] + "".join(part.capitalize() for part in w[1:]): keys[key] for key, w in words.items()}


def balance():
    """
    The balance loss of arXiv 2412.19437 eq. 17-20 without its factor alpha, and its gradient; transformers has none.

    `sequence` takes the statistics of each sequence and averages over sequences, `batch` those of the whole batch.
    `perSequence` are the terms of that average; `tokenFraction` is f (constant), `meanScore` is P, both [B, E].
    """
    rng = np.random.default_rng(111)
    hand = [[[0.9, 0.1, 0.5, 0.4], [0.8, 0.7, 0.2, 0.3], [0.2, 0.6, 0.9, 0.3], [0.4, 0.5, 0.8, 0.3]]]
    cases = [
        balance_case("four tokens by hand", torch.tensor(hand), 2),
        balance_case("equal affinities with balanced selection", balanced_scores(), 2),
        balance_case("collapse onto the same experts", collapsed_scores(), 2),
        balance_case("random", torch.from_numpy(rng.uniform(0.02, 0.98, (3, 5, 7))).float(), 2),
        balance_case("random, K = 1", torch.from_numpy(rng.uniform(0.02, 0.98, (2, 11, 5))).float(), 1),
        balance_case("random, K = 3", torch.from_numpy(rng.uniform(0.02, 0.98, (2, 7, 11))).float(), 3),
    ]
    write_json("balance.json", {"cases": cases})


def balanced_scores():
    """Each expert is chosen by two of the four tokens; the row sums are equal, so the loss is exactly 1."""
    return torch.tensor([[[0.5, 0.5, 0.25, 0.25], [0.25, 0.25, 0.5, 0.5]] * 2])


def collapsed_scores():
    """All the affinity of every token sits on experts 0 and 1: the loss is its maximum E / K."""
    return torch.tensor([[[0.5, 0.5, 0.0, 0.0, 0.0, 0.0]] * 3])


def balance_case(name, scores, k):
    scores.requires_grad_(True)
    fraction, mean_score = balance_statistics(scores, k)
    per_sequence = (fraction * mean_score).sum(-1)
    sequence = per_sequence.mean()
    batch = (torch.stack(balance_statistics(scores.flatten(0, 1)[None], k)).prod(0)).sum()
    return {
        "name": name,
        "numExpertsPerTok": k,
        "scores": numbers(scores),
        "tokenFraction": numbers(fraction),
        "meanScore": numbers(mean_score),
        "perSequence": numbers(per_sequence),
        "sequence": numbers(sequence),
        "sequenceGrad": numbers(torch.autograd.grad(sequence, scores, retain_graph=True)[0]),
        "batch": numbers(batch),
        "batchGrad": numbers(torch.autograd.grad(batch, scores)[0]),
    }


def balance_statistics(scores, k):
    """f and P of each sequence, both [B, E]; f counts plain top-k of the un-biased affinities, without groups."""
    _, t, e = scores.shape
    chosen = torch.zeros_like(scores).scatter(-1, scores.topk(k, dim=-1)[1], 1)
    normalised = scores / scores.sum(-1, keepdim=True)
    return chosen.sum(1) * e / (k * t), normalised.mean(1)


def adamw():
    """Ten AdamW steps on three tensors with given gradients, and the clipping of gradients by their global norm."""
    rng = np.random.default_rng(121)
    shapes = {"matrix": (2, 3), "gain": (5,), "experts": (2, 3, 2)}
    parameters = {name: torch.nn.Parameter(normal(rng, shape)) for name, shape in shapes.items()}
    initial = {name: numbers(p) for name, p in parameters.items()}
    decays = {"matrix": 0.1, "gain": 0.0, "experts": 0.1}
    groups = [{"params": [p], "weight_decay": decays[name]} for name, p in parameters.items()]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    steps = []
    for step in range(10):
        learning_rate = 1e-2 * (1 - step / 20)
        for name, parameter in parameters.items():
            parameter.grad = normal(rng, shapes[name])
        parameters["experts"].grad[1] = 0  # an expert that no token visits still decays and keeps its momentum
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        grads = {name: numbers(p.grad) for name, p in parameters.items()}
        values = {name: numbers(p) for name, p in parameters.items()}
        steps.append({"learningRate": learning_rate, "grads": grads, "values": values})
    settings = {"betas": [0.9, 0.95], "eps": 1e-8, "weightDecay": decays}
    write_json("adamw.json", {**settings, "initial": initial, "steps": steps, "clipping": clipping(rng)})


def clipping(rng):
    """torch scales by `min(1, maxNorm / (norm + 1e-6))`."""
    cases = []
    for scale, max_norm in [(0.1, 1.0), (1.0, 1.0), (30.0, 1.0), (1.0, 0.5), (0.0, 1.0)]:
        parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in [(2, 3), (5,)]]
        for parameter in parameters:
            parameter.grad = normal(rng, tuple(parameter.shape)) * scale
        grads = [numbers(p.grad) for p in parameters]
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        clipped = [numbers(p.grad) for p in parameters]
        cases.append({"maxNorm": max_norm, "grads": grads, "norm": numbers(norm), "clipped": clipped})
    return cases


def normal(rng, shape):
    return torch.from_numpy(rng.standard_normal(shape)).float()
