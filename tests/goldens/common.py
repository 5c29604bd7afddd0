"""What every golden case shares: configs, random weights, Hugging Face file names, and writing files.

Notable: random numbers come from numpy's seeded PCG64, not from torch, because torch's normal sampler differs between
instruction sets; and safetensors metadata holds one key only, because its order in the file is not fixed for more.
"""

import json
import math
import platform
import re
from pathlib import Path

import numpy as np
import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf

DATA = Path(__file__).parent / "data"
VERSIONS = {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "numpy": np.__version__,
    "safetensors": safetensors.__version__,
}

# Sizes are distinct so that a transposed axis cannot pass: B 2, T 14 (N 28), heads 3, nope 5, rope 6, v 17, kv rank 11,
# q rank 13, hidden 19, dense width 23, expert width 7, 12 experts in 3 groups of 4, vocabulary 37.
BATCH, TOKENS = 2, 14
BASE_CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "vocab_size": 37,
    "hidden_size": 19,
    "intermediate_size": 23,
    "moe_intermediate_size": 7,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "q_lora_rank": 13,
    "kv_lora_rank": 11,
    "qk_nope_head_dim": 5,
    "qk_rope_head_dim": 6,
    "v_head_dim": 17,
    "n_routed_experts": 12,
    "n_shared_experts": 1,
    "num_experts_per_tok": 4,
    "n_group": 3,
    "topk_group": 2,
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "num_nextn_predict_layers": 0,
    "max_position_embeddings": 64,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "rope_interleave": True,
    "rms_norm_eps": 1e-6,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "float32",
}


def hf_config(config):
    """The transformers config of a `config.json` dictionary, with the plain implementations of attention and experts."""
    keys = {k: (dict(v) if isinstance(v, dict) else v) for k, v in config.items() if not k.startswith("mtp_")}
    return DeepseekV3Config(**keys, attn_implementation="eager", experts_implementation="eager")


def random_model(config, seed):
    """A `DeepseekV3ForCausalLM` whose every parameter, norm gains and correction bias included, is random."""
    model = DeepseekV3ForCausalLM(hf_config(config)).float().eval()
    fill_randomly(model, np.random.default_rng(seed))
    return model


def fill_randomly(model, rng):
    """Weights of standard deviation 0.2 (router 0.3, embedding 1), gains near 1, biases that push scores below zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.from_numpy(rng.standard_normal(tuple(parameter.shape))).float()
            if "norm" in name:
                parameter.copy_(1 + 0.2 * noise)
            else:
                parameter.copy_(noise * (1.0 if "embed" in name else 0.3 if ".gate." in name else 0.2))
        for module in model.modules():
            if isinstance(module, hf.DeepseekV3TopkRouter):
                set_correction_bias(module, rng)


def set_correction_bias(router, rng):
    """Uniform in [-1, -0.3): many `score + bias` are negative; the last expert is never picked."""
    bias = rng.uniform(-1.0, -0.3, router.num_experts)
    bias[-1] = -10
    with torch.no_grad():
        router.e_score_correction_bias.copy_(torch.from_numpy(bias).float())


def random_ids(config, seed, shape):
    """Token ids of the given shape; the last axis is one longer than the model's input, for the last target."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, config["vocab_size"], shape))


def file_names(tensors):
    """
    Tensors under the names of a checkpoint file: the experts that transformers stacks in memory are split again.

    `mlp.experts.gate_up_proj` [E, 2F, D] becomes `mlp.experts.<e>.gate_proj.weight` (rows 0..F-1 of each expert) and
    `.up_proj.weight` (rows F..2F-1); `mlp.experts.down_proj` [E, D, F] becomes `mlp.experts.<e>.down_proj.weight`.
    """
    out = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        if match := re.fullmatch(r"(.*\.experts)\.(gate_up_proj|down_proj)", name):
            for e, matrix in enumerate(tensor):
                if match[2] == "down_proj":
                    out[f"{match[1]}.{e}.down_proj.weight"] = matrix
                else:
                    gate, up = matrix.chunk(2, dim=0)
                    out[f"{match[1]}.{e}.gate_proj.weight"] = gate
                    out[f"{match[1]}.{e}.up_proj.weight"] = up
        else:
            out[name] = tensor
    return {name: tensor.clone().contiguous() for name, tensor in sorted(out.items())}


def gradients(parameters):
    """Gradients of named parameters under `grad.` and the file name; zeros for an expert that no token visited."""
    grads = {name: parameter.grad for name, parameter in parameters}
    assert all(g is not None and torch.isfinite(g).all() for g in grads.values())
    return {f"grad.{name}": g for name, g in file_names(grads).items()}


def write_case(name, config, weights, tensors, values):
    """Writes the folder of a case: `config.json`, `weights.safetensors`, `golden.safetensors`, `golden.json`."""
    folder = DATA / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(f"{name}/config.json", config, versions=False)
    write_safetensors(folder / "weights.safetensors", weights)
    write_safetensors(folder / "golden.safetensors", tensors)
    write_json(f"{name}/golden.json", values)


def write_safetensors(path, tensors):
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    assert all(t.dtype == torch.float32 and torch.isfinite(t).all() for t in tensors.values())
    save_file(tensors, path, metadata={"versions": json.dumps(VERSIONS)})
    path.chmod(0o644)


def write_json(path, values, versions=True):
    """JSON with one line for each innermost list, and with `versions` first."""
    text = json.dumps({"versions": VERSIONS, **values} if versions else values, indent=1, allow_nan=False)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)
    (DATA / path).write_text(text + "\n")


def numbers(tensor):
    """Nested lists of a tensor; float32 values with the fewest digits that `Math.fround` turns back into them."""
    if tensor.dim() > 0:
        return [numbers(row) for row in tensor.detach()]
    value = tensor.item()
    if tensor.dtype == torch.float32 and math.isfinite(value):
        return float(str(np.float32(value)))
    return value
