"""`sampling.json`: the distribution that transformers' `generate` draws from, after its processors in its own order.

Logits are random without ties; filters that keep one token, all tokens, and a few are among the cases.
"""

import numpy as np
import torch
from common import numbers, write_json
from transformers import GenerationConfig, GenerationMixin
from types import SimpleNamespace

VOCABULARY = 23
CASES = [
    {},
    {"temperature": 0.7},
    {"top_k": 5},
    {"top_k": 1},
    {"top_p": 0.6},
    {"top_p": 0.01},
    {"min_p": 0.2},
    {"min_p": 1.0},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"temperature": 1.7, "top_k": 11, "top_p": 0.7},
    {"temperature": 1.7, "top_p": 0.8, "min_p": 0.3},
    {"temperature": 0.5, "top_k": 7, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.5},
    {"temperature": 3.0, "top_k": 13, "top_p": 0.75, "min_p": 0.4, "repetition_penalty": 1.1},
]


def sampling():
    rng = np.random.default_rng(131)
    write_json("sampling.json", {"cases": [sampling_case(rng, options) for options in CASES]})


def sampling_case(rng, options):
    logits = torch.from_numpy(rng.normal(0, 2, (1, VOCABULARY))).float()
    context = torch.from_numpy(rng.integers(0, VOCABULARY, (1, 7)))
    neutral = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
    config = GenerationConfig(do_sample=True, **(neutral | options))
    config._pad_token_tensor = config._eos_token_tensor = None
    mixin = GenerationMixin()
    mixin.config = SimpleNamespace(is_encoder_decoder=False)
    processors = mixin._get_logits_processor(config, context.shape[1], context)
    probabilities = processors(context, logits.clone()).softmax(-1)
    names = {"temperature": "temperature", "top_k": "topK", "top_p": "topP", "min_p": "minP"}
    names |= {"repetition_penalty": "repetitionPenalty"}
    return {
        "options": {names[key]: value for key, value in (neutral | options).items()},
        "context": context[0].tolist(),
        "logits": numbers(logits[0]),
        "probabilities": numbers(probabilities[0]),
    }
