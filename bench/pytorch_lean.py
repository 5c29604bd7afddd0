"""A lean DeepSeek-V3 in PyTorch, with no framework around it: the strongest PyTorch peer, at the same sizes.

    .venv/bin/python bench/pytorch_lean.py --size a --threads 2 [--compile]      # one line of JSON

A step: forward, backward, gradients clipped to 1.0 (foreach), fused AdamW, zero_grad, on synthetic tokens.
Shape legend: B batch, T tokens, N = B*T, D hidden, H heads, E routed experts, K experts per token, G groups.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from pytorch_common import SIZES, parse_options, random_tokens, report


def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


def rotary_tables(size):
    """Cosines and sines [T, rope] for the half-split form."""
    frequencies = 1.0 / (10000 ** (torch.arange(0, size.rope, 2).float() / size.rope))
    angles = torch.outer(torch.arange(size.seq).float(), frequencies)
    return angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)


def rotate(x, tables):  # [B, H, T, rope]
    cos, sin = tables
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class MLA(nn.Module):
    def __init__(self, size, tables):
        super().__init__()
        self.size, self.tables = size, tables
        self.q_a = linear(size.hidden, size.q_rank)
        self.q_norm = nn.RMSNorm(size.q_rank, 1e-6)
        self.q_b = linear(size.q_rank, size.heads * (size.nope + size.rope))
        self.kv_a = linear(size.hidden, size.kv_rank + size.rope)
        self.kv_norm = nn.RMSNorm(size.kv_rank, 1e-6)
        self.kv_b = linear(size.kv_rank, size.heads * (size.nope + size.value))
        self.out = linear(size.heads * size.value, size.hidden)

    def forward(self, x):
        s = self.size
        B, T, _ = x.shape
        q = self.q_b(self.q_norm(self.q_a(x))).view(B, T, s.heads, s.nope + s.rope).transpose(1, 2)
        latent, k_rope = self.kv_a(x).split([s.kv_rank, s.rope], -1)
        kv = self.kv_b(self.kv_norm(latent)).view(B, T, s.heads, s.nope + s.value).transpose(1, 2)
        k_nope, v = kv.split([s.nope, s.value], -1)
        q = torch.cat((q[..., : s.nope], rotate(q[..., s.nope :], self.tables)), -1)
        k_rope = rotate(k_rope.view(B, 1, T, s.rope), self.tables).expand(B, s.heads, T, s.rope)
        y = F.scaled_dot_product_attention(q, torch.cat((k_nope, k_rope), -1), v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(B, T, s.heads * s.value))


class MLP(nn.Module):
    def __init__(self, hidden, width):
        super().__init__()
        self.gate_up, self.down = linear(hidden, 2 * width), linear(width, hidden)

    def forward(self, x):
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)


class MoE(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size
        self.router = nn.Parameter(torch.randn(size.routed, size.hidden) * 0.02)
        self.register_buffer("bias", torch.zeros(size.routed))
        self.gate_up = nn.Parameter(torch.randn(size.routed, size.hidden, 2 * size.expert_width) * 0.02)
        self.down = nn.Parameter(torch.randn(size.routed, size.expert_width, size.hidden) * 0.02)
        self.shared = MLP(size.hidden, size.expert_width)

    def route(self, flat):
        """Experts and gates of each token, both [N, K]."""
        s = self.size
        scores = torch.sigmoid(flat @ self.router.t())  # [N, E]
        biased = (scores.detach() + self.bias).view(-1, s.groups, s.routed // s.groups)
        kept = biased.topk(2, -1).values.sum(-1).topk(s.kept_groups, -1).indices
        excluded = torch.ones(biased.shape[:2], dtype=torch.bool).scatter_(1, kept, False)  # [N, G]
        reachable = biased.masked_fill(excluded.unsqueeze(-1), float("-inf")).view(-1, s.routed)
        experts = reachable.topk(s.per_token, -1).indices
        gates = scores.gather(1, experts)
        return experts, gates / gates.sum(-1, keepdim=True) * s.routed_scaling

    def forward(self, x):
        s = self.size
        flat = x.reshape(-1, s.hidden)
        experts, gates = self.route(flat)
        order = experts.reshape(-1).argsort()
        counts = torch.bincount(experts.reshape(-1), minlength=s.routed).tolist()
        token = order // s.per_token
        pieces = []
        for rows, gate_up, down in zip(flat[token].split(counts), self.gate_up.unbind(0), self.down.unbind(0)):
            gate, up = (rows @ gate_up).chunk(2, -1)
            pieces.append((F.silu(gate) * up) @ down)
        routed = torch.cat(pieces) * gates.reshape(-1)[order].unsqueeze(-1)
        return (torch.zeros_like(flat).index_add_(0, token, routed) + self.shared(flat)).view_as(x)


class Block(nn.Module):
    def __init__(self, size, layer, tables):
        super().__init__()
        self.attention_norm, self.attention = nn.RMSNorm(size.hidden, 1e-6), MLA(size, tables)
        self.feed_forward_norm = nn.RMSNorm(size.hidden, 1e-6)
        self.feed_forward = MLP(size.hidden, size.dense_width) if layer == 0 else MoE(size)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class CausalLM(nn.Module):
    def __init__(self, size):
        super().__init__()
        tables = rotary_tables(size)
        self.embedding = nn.Embedding(size.vocab, size.hidden)
        self.blocks = nn.ModuleList(Block(size, layer, tables) for layer in range(size.layers))
        self.norm, self.head = nn.RMSNorm(size.hidden, 1e-6), linear(size.hidden, size.vocab)

    def forward(self, ids):
        """Mean loss of predicting each token but the first."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def main():
    options = parse_options("A training step of a lean DeepSeek-V3")
    size = SIZES[options.size]
    model = CausalLM(size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ids = random_tokens(size)
    run = torch.compile(model) if options.compile else model

    def step():
        loss = run(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    report("lean", options, model, step)


main()
