"""The Python half of `transformers.test.ts`: what the real loaders make of our folders, and folders for us to load.

    python loaders.py FOLDER

Reads `FOLDER/request.json`, loads every folder in `FOLDER/ours`, writes folders of its own into `FOLDER/theirs`, and
answers in `FOLDER/answer.json` (greedy continuations, token ids, key lists, versions) and `FOLDER/answer.safetensors`
(logits). Everything is computed on the CPU in float32, whatever format the weights are stored in.
"""

import importlib.util
import json
import platform
import sys
from pathlib import Path

import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, DeepseekV3Config, DeepseekV3ForCausalLM

BASE = {
    "vocab_size": 307, "hidden_size": 40, "intermediate_size": 46, "moe_intermediate_size": 14, "num_hidden_layers": 3,
    "num_attention_heads": 3, "num_key_value_heads": 3, "q_lora_rank": 26, "kv_lora_rank": 22, "qk_nope_head_dim": 10,
    "qk_rope_head_dim": 12, "v_head_dim": 17, "n_routed_experts": 12, "n_shared_experts": 1, "num_experts_per_tok": 4,
    "n_group": 3, "topk_group": 2, "first_k_dense_replace": 1, "max_position_embeddings": 128, "initializer_range": 0.2,
    "bos_token_id": 302, "eos_token_id": 303, "num_nextn_predict_layers": 0,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "beta_fast": 32, "beta_slow": 1,
        "mscale": 1.0, "mscale_all_dim": 1.0, "rope_theta": 100.0}
# Wider than one block of 128, and no multiple of it, in both directions.
WIDE = {"hidden_size": 136, "intermediate_size": 150, "q_lora_rank": 130, "kv_lora_rank": 131, "moe_intermediate_size": 129,
        "initializer_range": 0.06}
CASES = {
    "f32": ({}, torch.float32, {}),
    "bf16-sharded": ({}, torch.bfloat16, {"max_shard_size": "60KB"}),
    "f16-no-q-lora": ({"q_lora_rank": None, "n_shared_experts": 2}, torch.float16, {}),
    "yarn": ({"rope_parameters": YARN}, torch.float32, {}),
    "yarn-no-temperature": ({"rope_parameters": {**YARN, "mscale": 0.0, "mscale_all_dim": 0.0}}, torch.float32, {}),
    "yarn-unequal": ({"rope_parameters": {**YARN, "mscale": 1.0, "mscale_all_dim": 0.8}}, torch.float32, {}),
    "yarn-one-absent": ({"rope_parameters": {k: v for k, v in YARN.items() if k != "mscale"}}, torch.float32, {}),
    "all-dense": ({"first_k_dense_replace": 5}, torch.float32, {}),
    "rope-half-claims-mtp": ({"rope_interleave": False, "num_nextn_predict_layers": 1}, torch.float32, {}),
    "no-shared-expert": ({"n_shared_experts": 0, "n_group": 1, "topk_group": 1}, torch.float32, {}),
}


def logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor(ids)).logits


def experts(config):
    """The default implementation of experts where it can run: its grouped product wants rows of multiples of 16 bytes."""
    fits = config["hidden_size"] % 8 == 0 and config["moe_intermediate_size"] % 8 == 0
    return {} if fits else {"experts_implementation": "eager"}


def load(folder, **options):
    config = json.loads((folder / "config.json").read_text())
    options |= {"dtype": torch.float32, "output_loading_info": True, **experts(config)}
    return AutoModelForCausalLM.from_pretrained(folder, **options)


def is_readable(folder):
    """Whether transformers can load a folder here: for FP8 weights it asks for a package that nothing else here does."""
    is_fp8 = "quantization_config" in json.loads((folder / "config.json").read_text())
    return not is_fp8 or importlib.util.find_spec("accelerate") is not None


def read_ours(folder, request):
    """Loads one of our folders: key lists, greedy continuation and its text; the logits."""
    model, info = load(folder)
    prompt = torch.tensor([request["prompt"]])
    generated = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=64, do_sample=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    continuation = generated[0, prompt.shape[1]:].tolist()
    answer = {name: sorted(info[name]) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    answer |= {"greedy": continuation, "text": tokenizer.decode(continuation, skip_special_tokens=True), "dtypes": stored_dtypes(folder)}
    return answer, logits(model, request["ids"])


def drafted(folder, request):
    """The greedy continuation by speculative decoding with the MTP module, which is found by the pattern of what to ignore."""
    layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
    ignored = DeepseekV3ForCausalLM._keys_to_ignore_on_load_unexpected
    DeepseekV3ForCausalLM._keys_to_ignore_on_load_unexpected = [rf"model\.layers\.{layers}\."]
    model, info = load(folder)
    prompt = torch.tensor([request["prompt"]])
    options = {"attention_mask": torch.ones_like(prompt), "max_new_tokens": 64, "do_sample": False, "use_mtp": True}
    generated = model.generate(prompt, **options)
    DeepseekV3ForCausalLM._keys_to_ignore_on_load_unexpected = ignored
    return {"unexpected_keys": sorted(info["unexpected_keys"]), "greedy": generated[0, prompt.shape[1]:].tolist()}


def stored_dtypes(folder):
    tensors = {}
    for file in folder.glob("*.safetensors"):
        tensors |= load_file(file)
    return {name: str(tensor.dtype) for name, tensor in tensors.items()}


def rounds_as_torch(exact, rounded):
    """Whether each tensor of one folder is torch's rounding of that of another, to the bit."""
    first, second = load_file(exact / "model.safetensors"), {}
    for file in rounded.glob("*.safetensors"):
        second |= load_file(file)
    return first.keys() == second.keys() and all(torch.equal(first[name].to(t.dtype), t) for name, t in second.items())


def random_model(changes, seed):
    torch.manual_seed(seed)
    keys = {**BASE, **changes}
    model = DeepseekV3ForCausalLM(DeepseekV3Config(**keys, **experts(keys))).eval()
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.uniform_(-1, -0.3)
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def write_theirs(folder, tokenizer, name, request, seed):
    """Saves a random model and returns its logits after loading it back: of the weights as they are stored."""
    changes, dtype, options = CASES[name]
    model = random_model(changes, seed).to(dtype)
    model.save_pretrained(folder / name, **options)
    (folder / name / "tokenizer.json").write_text(tokenizer)
    return logits(load(folder / name)[0], request["ids"])


def quantize(weight, block=128):
    """E4M3 values and the scales of blocks of `block` x `block`; the last blocks may be smaller."""
    rows, columns = weight.shape
    scales = torch.zeros(-(-rows // block), -(-columns // block))
    values = torch.zeros(rows, columns, dtype=torch.float8_e4m3fn)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            at = (slice(i * block, (i + 1) * block), slice(j * block, (j + 1) * block))
            scales[i, j] = weight[at].abs().max() / 448
            values[at] = (weight[at] / scales[i, j]).to(torch.float8_e4m3fn)
    return values, scales


def write_fp8(folder, tokenizer, request, seed):
    """
    A folder as DeepSeek released its own: linear layers in FP8, the rest in BF16, the bias in F32.

    Returns the logits of the same model with its weights dequantized by torch: transformers' own FP8 loader needs a package
    (accelerate) that nothing else here does.
    """
    model = random_model({**WIDE, "num_hidden_layers": 2}, seed)
    model.save_pretrained(folder / "plain")
    tensors = {}
    for name, tensor in load_file(folder / "plain" / "model.safetensors").items():
        is_linear = name.endswith("_proj.weight") or name.endswith("_proj_with_mqa.weight")
        if is_linear:
            tensors[name], tensors[f"{name}_scale_inv"] = quantize(tensor)
        else:
            tensors[name] = tensor if name.endswith("_bias") else tensor.to(torch.bfloat16)
    config = json.loads((folder / "plain" / "config.json").read_text())
    config["quantization_config"] = {
        "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128],
    }
    (folder / "fp8").mkdir()
    (folder / "fp8" / "config.json").write_text(json.dumps(config))
    (folder / "fp8" / "tokenizer.json").write_text(tokenizer)
    save_file(tensors, folder / "fp8" / "model.safetensors", metadata={"format": "pt"})
    plain = load_file(folder / "plain" / "model.safetensors")
    for name, tensor in tensors.items():
        if f"{name}_scale_inv" in tensors:
            rows, columns = tensor.shape
            scales = tensors[f"{name}_scale_inv"].repeat_interleave(128, 0)[:rows].repeat_interleave(128, 1)[:, :columns]
            plain[name] = tensor.float() * scales
        elif not name.endswith("_scale_inv"):
            plain[name] = tensor.float()
    save_file(plain, folder / "plain" / "model.safetensors", metadata={"format": "pt"})
    return logits(load(folder / "plain")[0], request["ids"])



def encode_all(request):
    """Token ids of each text by each `tokenizer.json`, by Hugging Face's Rust library."""
    read = {name: tokenizers.Tokenizer.from_str(text) for name, text in request["tokenizers"].items()}
    return {
        name: [tokenizer.encode(text, add_special_tokens=False).ids for text in request["texts"]]
        for name, tokenizer in read.items()
    }


def main(folder):
    request = json.loads((folder / "request.json").read_text())
    ours = {path.name: read_ours(path, request) for path in sorted((folder / "ours").iterdir()) if is_readable(path)}
    tensors = {f"ours.{name}": values for name, (_, values) in ours.items()}
    tokenizer = request["tokenizers"]["bpe:307"]
    for seed, name in enumerate(CASES):
        tensors[f"theirs.{name}"] = write_theirs(folder / "theirs", tokenizer, name, request, seed)
    tensors["theirs.fp8"] = write_fp8(folder / "theirs", tokenizer, request, len(CASES))
    save_file({name: values.contiguous() for name, values in tensors.items()}, folder / "answer.safetensors")
    answer = {
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
            "safetensors": safetensors.__version__, "tokenizers": tokenizers.__version__,
        },
        "ours": {name: answer for name, (answer, _) in ours.items()},
        "rounded": {name: rounds_as_torch(folder / "ours" / "base", folder / "ours" / name) for name in request["rounded"]},
        "ids": encode_all(request),
        "drafted": drafted(folder / "ours" / "multiples-of-8", request),
    }
    (folder / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    (Path(sys.argv[1]) / "theirs").mkdir()
    main(Path(sys.argv[1]))
