"""
Multi-token prediction: two modules in a chain on top of transformers' model, and their losses.

transformers (5.18) has `MtpLayer` for drafting, with random initialisation, its own order of names and a loss that it
never initialises. Its parts are used here, chained by hand as arXiv 2412.19437 eq. 21-25 say (zero-based, tokens
x[0..T], depth k, rows i = 0..T-1-k):

  h'[i] = eh_proj(concat(enorm(Emb(x[i+k])), hnorm(h_{k-1}[i])))   h_0: the main model's hidden state
  h_k   = block(h'), causal, rotary position of row i is i
  row i predicts x[i+k+1] from lm_head(shared_head.norm(h_k[i])); the loss of a depth is the mean over its B*(T-k) rows

`mtp`       follows the released weights: embedding first; hidden states are passed on after the final norm
            (`model.norm`, then the previous module's `shared_head.norm`), as vLLM and transformers do.
`mtp-paper` follows the report's equation: hidden state first; passed on before those norms.
"""

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import (
    BASE_CONFIG,
    BATCH,
    TOKENS,
    file_names,
    fill_randomly,
    gradients,
    numbers,
    random_ids,
    random_model,
    write_case,
)
from model_cases import run
from routing import RouterProbe, assert_telling, inspect
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers.modeling_layers import MtpModel
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf

DEPTH, WEIGHT = 2, 0.3


def mtp():
    write_mtp_case("mtp", {"mtp_concat_order": "embedding-first", "mtp_hidden_state": "post-norm"}, seed=91)


def mtp_paper():
    write_mtp_case("mtp-paper", {"mtp_concat_order": "hidden-first", "mtp_hidden_state": "pre-norm"}, seed=101)


def write_mtp_case(name, changes, seed):
    config = BASE_CONFIG | {"num_hidden_layers": 2, "num_nextn_predict_layers": DEPTH} | changes
    main, modules = random_model_with_mtp(config, seed)
    ids = random_ids(config, seed + 1, (BATCH, TOKENS + 1))
    probes = [RouterProbe(main), RouterProbe(modules)]
    output, pre_norm = run_keeping_pre_norm(main, ids)
    chain = run_chain(main, modules, config, output, pre_norm, ids)
    routers = [record for probe in probes for record in inspect(probe)]
    [probe.close() for probe in probes]
    for record in routers:
        record["layer"] = file_name(record["layer"] + ".", config)[:-1]
    assert_telling(routers, grouped=True)
    if config["mtp_concat_order"] == "embedding-first":
        check_against_transformers(modules, output, ids, chain)
        check_file_names(config, main, modules)

    losses = [depth["loss"] for depth in chain]
    mtp_loss = WEIGHT * torch.stack(losses).mean()
    shared = {"model.embed_tokens.weight": main.model.embed_tokens.weight, "lm_head.weight": main.lm_head.weight}
    from_mtp = torch.autograd.grad(mtp_loss, list(shared.values()), retain_graph=True)
    total = output.loss + mtp_loss
    total.backward()

    tensors = {"logits": output.logits}
    for k, depth in enumerate(chain, start=1):
        tensors |= {f"mtp.{k}.logits": depth["logits"], f"mtp.{k}.hidden": depth["normed"]}
    tensors |= gradients(all_parameters(config, main, modules).items())
    tensors |= {f"gradOfMtpLoss.{key}": g for key, g in zip(shared, from_mtp)}
    values = {
        "ids": ids.tolist(),
        "loss": numbers(output.loss),
        "mtpLosses": [numbers(loss) for loss in losses],
        "mtpLossWeight": WEIGHT,
        "totalLoss": numbers(total),
        "routers": routers,
    }
    write_case(name, config, file_names(all_tensors(config, main, modules)), tensors, values)


def random_model_with_mtp(config, seed):
    main = random_model(config, seed)
    modules = MtpModel(main, DEPTH).float().eval()
    modules.config._attn_implementation = "eager"
    modules.config._experts_implementation = "eager"
    fill_randomly(modules.layers, np.random.default_rng(seed + 2))
    return main, modules


def run_keeping_pre_norm(main, ids):
    kept = []
    handle = main.model.norm.register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    output = run(main, ids)
    handle.remove()
    return output, kept[0]


def run_chain(main, modules, config, output, pre_norm, ids):
    """One record a depth: `block` (before `shared_head.norm`), `normed` (after it), `logits`, `loss`."""
    post = config["mtp_hidden_state"] == "post-norm"
    previous = output.hidden_states[-1] if post else pre_norm
    chain = []
    for k, layer in enumerate(modules.layers, start=1):
        rows = TOKENS - k
        embedded = main.model.embed_tokens(ids[:, k : k + rows])
        block = run_block(main, layer, config, embedded, previous[:, :rows])
        normed = layer.post_norm(block)
        logits = main.lm_head(normed)
        targets = ids[:, k + 1 : k + 1 + rows]
        loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        chain.append({"block": block, "normed": normed, "logits": logits, "loss": loss})
        previous = normed if post else block
    return chain


def run_block(main, layer, config, embedded, previous):
    parts = [layer.enorm(embedded), layer.hnorm(previous)]
    if config["mtp_concat_order"] == "hidden-first":
        parts.reverse()
    rows = embedded.shape[1]
    position_ids = torch.arange(rows)[None]
    return layer.mtp_block(
        layer.eh_proj(torch.cat(parts, dim=-1)),
        attention_mask=causal_mask(rows),
        position_ids=position_ids,
        position_embeddings=main.model.rotary_emb(embedded, position_ids),
    )


def causal_mask(rows):
    return torch.full((1, 1, rows, rows), float("-inf")).triu(1)


def check_against_transformers(modules, output, ids, chain):
    """transformers' own `MtpLayer.forward` says the same, though it counts rotary positions from k instead of 0."""
    previous = output.hidden_states[-1]
    for k, (layer, depth) in enumerate(zip(modules.layers, chain), start=1):
        rows = TOKENS - k
        embedded = modules.embed_tokens(ids[:, k : k + rows])
        position_ids = torch.arange(k, k + rows)[None]
        position_embeddings = modules.rotary_emb(embedded, position_ids)
        previous = layer(embedded, previous[:, :rows], position_embeddings, causal_mask(rows), position_ids, None)
        assert torch.allclose(previous, depth["normed"], atol=1e-5), f"depth {k}"


def file_name(name, config):
    """`layers.<k-1>.…` of `MtpModel` as the released checkpoint calls it, with layer index `num_hidden_layers + k - 1`."""
    match = re.fullmatch(r"layers\.(\d+)\.(?:mtp_block\.)?(.*)", name)
    if match is None:
        return name
    rest = match[2].replace("post_norm.", "shared_head.norm.") if match[2].startswith("post_norm.") else match[2]
    return f"model.layers.{config['num_hidden_layers'] + int(match[1])}.{rest}"


def all_parameters(config, main, modules):
    own = {file_name(name, config): p for name, p in modules.named_parameters() if name.startswith("layers.")}
    return dict(main.named_parameters()) | own


def all_tensors(config, main, modules):
    own = {file_name(name, config): t for name, t in modules.state_dict().items() if name.startswith("layers.")}
    return main.state_dict() | own


def check_file_names(config, main, modules):
    """transformers' own `MtpModel.from_pretrained` finds every tensor of the modules under the names given here."""
    with tempfile.TemporaryDirectory() as folder:
        save_file(file_names(all_tensors(config, main, modules)), Path(folder) / "model.safetensors", {"format": "pt"})
        (Path(folder) / "config.json").write_text(json.dumps(config))
        loaded_main = hf.DeepseekV3ForCausalLM.from_pretrained(folder)
        first = config["num_hidden_layers"]
        loaded_main._keys_to_ignore_on_load_unexpected = [
            rf"model\.layers\.{layer}\..*" for layer in range(first, first + DEPTH)
        ]
        loaded = MtpModel.from_pretrained(loaded_main).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in modules.state_dict().items())
