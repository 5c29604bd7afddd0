"""The peer to beat: transformers' DeepseekV3ForCausalLM on PyTorch, at the same sizes on the same processor.

    python3 -m venv .venv && .venv/bin/pip install torch transformers
    .venv/bin/python bench/pytorch_peer.py --size a --threads 2      # one line of JSON

A step: forward, backward, gradients clipped to 1.0, AdamW, zero_grad, on synthetic tokens.
"""

import torch
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

from pytorch_common import SIZES, parse_options, random_tokens, report


def create_model(size):
    return DeepseekV3ForCausalLM(DeepseekV3Config(
        vocab_size=size.vocab,
        hidden_size=size.hidden,
        intermediate_size=size.dense_width,
        moe_intermediate_size=size.expert_width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        n_shared_experts=1,
        n_routed_experts=size.routed,
        routed_scaling_factor=size.routed_scaling,
        kv_lora_rank=size.kv_rank,
        q_lora_rank=size.q_rank,
        qk_rope_head_dim=size.rope,
        v_head_dim=size.value,
        qk_nope_head_dim=size.nope,
        n_group=size.groups,
        topk_group=size.kept_groups,
        num_experts_per_tok=size.per_token,
        first_k_dense_replace=1,
        max_position_embeddings=512,
        attn_implementation="sdpa",
    ))


def main():
    options = parse_options("A training step of transformers' DeepSeek-V3")
    size = SIZES[options.size]
    model = create_model(size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = random_tokens(size)
    run = torch.compile(model) if options.compile else model

    def step():
        loss = run(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    report("transformers", options, model, step)


main()
