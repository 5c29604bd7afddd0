"""Rotary settings as files from elsewhere write them, and what transformers computes from each."""

import itertools

import torch
from common import BASE_CONFIG, hf, hf_config, numbers, write_json

SHAPE = {"qk_rope_head_dim": 10, "max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 4.0, "beta_slow": 0.1,
        "rope_theta": 100.0}
POSITION = 5


def foreign_rope():
    """`rotary`: keys of `config.json`; the cosines and sines [R/2] are those of position 5, scaling multiplied in."""
    cases = [case({"rope_parameters": {**YARN, **coefficients}}) for coefficients in all_coefficients()]
    cases += [case({"rope_parameters": {**YARN, "mscale": 1.0, "mscale_all_dim": 1.0, **change}}) for change in (
        {"factor": 3.0},
        {"attention_factor": 1.25},
        {"truncate": False},
        {"beta_fast": 0.1, "beta_slow": 4.0},
        {"beta_fast": None, "beta_slow": None},
    )]
    old = {"type": "yarn", **{key: value for key, value in YARN.items() if key not in ("rope_type", "rope_theta")}}
    cases += [
        case({"rope_theta": 100.0, "rope_scaling": old}),
        case({"rope_theta": 100.0, "rope_scaling": {"type": "yarn", "factor": 4.0}}),
        case({"rope_scaling": {**old, "rope_theta": 100.0}, "rope_theta": 500.0}),
        case({"rope_theta": 100.0, "rope_parameters": {"rope_type": "default"}}),
        case({"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}}),
        case({"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100.0}}),
        case({"rope_theta": 100.0, "rope_scaling": {"type": "linear", "factor": 1.5}}),
    ]
    write_json("foreign-rope.json", {"position": POSITION, "shape": SHAPE, "cases": cases})


def all_coefficients():
    """Each of the two absent, 0, 0.8 and 1."""
    values = (None, 0.0, 0.8, 1.0)
    for mscale, mscale_all_dim in itertools.product(values, values):
        both = {"mscale": mscale, "mscale_all_dim": mscale_all_dim}
        yield {key: value for key, value in both.items() if value is not None}


def case(rotary):
    base = {key: value for key, value in BASE_CONFIG.items() if key not in ("rope_theta", "rope_scaling")}
    config = hf_config({**base, **SHAPE, **rotary})
    cos, sin = hf.DeepseekV3RotaryEmbedding(config)(torch.zeros(1), torch.tensor([[POSITION]]))
    half = SHAPE["qk_rope_head_dim"] // 2
    return {
        "rotary": rotary,
        "cos": numbers(cos[0, 0, :half]),
        "sin": numbers(sin[0, 0, :half]),
        "softmaxScale": hf.DeepseekV3Attention(config, layer_idx=0).scaling,
    }
