"""Cases from transformers' `DeepseekV3ForCausalLM`: logits, loss and the gradient of every parameter."""

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

import torch
from common import BASE_CONFIG, BATCH, TOKENS, file_names, gradients, numbers, random_ids, random_model, write_case
from routing import RouterProbe, assert_telling, inspect
from safetensors.torch import load_file, save_file
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf


def base():
    write_model_case("base", {}, seed=11)


def no_q_lora():
    write_model_case("no-q-lora", {"q_lora_rank": None}, seed=21)


def yarn():
    """Rotary size 10 and a small base, so that two of five frequencies are true blends; 14 tokens where 8 are "original"."""
    rope_scaling = {
        "type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 8,
        "beta_fast": 4.0,
        "beta_slow": 0.1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
    }
    changes = {"qk_rope_head_dim": 10, "rope_theta": 100.0, "max_position_embeddings": 32, "rope_scaling": rope_scaling}
    write_model_case("yarn", changes, seed=31)


def many_groups():
    changes = {"n_routed_experts": 16, "n_group": 4, "first_k_dense_replace": 0, "n_shared_experts": 2}
    write_model_case("many-groups", changes, seed=41)


def rope_half():
    write_model_case("rope-half", {"rope_interleave": False}, seed=51)


def norm_off():
    changes = {"norm_topk_prob": False, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 3}
    write_model_case("norm-off", changes, seed=61)


def write_model_case(name, changes, seed):
    config = BASE_CONFIG | changes
    model = random_model(config, seed)
    ids = random_ids(config, seed + 1, (BATCH, TOKENS + 1))
    probe = RouterProbe(model)
    output = run(model, ids)
    probe.close()
    check_files(config, model, ids, output.logits)
    routers = inspect(probe)
    assert_telling(routers, grouped=config["n_group"] > 1)
    output.loss.backward()
    tensors = {"logits": output.logits, **hidden_states(output), **gradients(model.named_parameters())}
    values = {
        "ids": ids.tolist(),
        "loss": numbers(output.loss),
        "routers": routers,
        "largestLogit": numbers(output.logits.abs().max()),
        "largestLogitDifferenceToFloat64": difference_to_float64(config, seed, ids, output.logits),
    }
    write_case(name, config, file_names(model.state_dict()), tensors, values)


def run(model, ids):
    """The model on `ids` [B, T+1] without the last column; the loss is the mean over the B*T next tokens."""
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    return model(inputs, labels=inputs, shift_labels=targets, use_cache=False, output_hidden_states=True)


def hidden_states(output):
    """`hidden.0` is the embedding, `hidden.l` the output of layer l-1, the last one what `model.norm` made of it."""
    return {f"hidden.{i}": h for i, h in enumerate(output.hidden_states)}


def check_files(config, model, ids, logits):
    """`save_pretrained` writes the names and values that `file_names` makes, and our folder loads with the same logits."""
    ours = file_names(model.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save_pretrained(folder)
        saved = load_file(path)
        assert saved.keys() == ours.keys() and all(torch.equal(saved[n], t) for n, t in ours.items())
        save_file(ours, path, metadata={"format": "pt"})
        (Path(folder) / "config.json").write_text(json.dumps(config))
        kwargs = {"attn_implementation": "eager", "experts_implementation": "eager"}
        loaded = hf.DeepseekV3ForCausalLM.from_pretrained(folder, **kwargs).eval()
    assert torch.equal(run(loaded, ids).logits, logits)


def difference_to_float64(config, seed, ids, logits):
    """How far float32 rounding alone moved the logits, to judge tolerances by."""
    with torch.no_grad(), float64_norms():
        return numbers((run(random_model(config, seed).double(), ids).logits - logits).abs().max().float())


@contextmanager
def float64_norms():
    """Lets a float64 model normalise in float64; its router and its rotary angles still compute in float32."""
    original = hf.DeepseekV3RMSNorm.forward

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)

    hf.DeepseekV3RMSNorm.forward = forward
    try:
        yield
    finally:
        hf.DeepseekV3RMSNorm.forward = original
