"""The model of the comparison in transformers: its sizes are those of presets peer-s, peer-a and peer-b."""

from transformers import DeepseekV3Config, DeepseekV3ForCausalLM


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
