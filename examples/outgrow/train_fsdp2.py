"""Trains an exported TinySeek model further with PyTorch's FSDP2, on the processes that torchrun starts.

    tinyseek export runs/first --out runs/plain --no-mtp
    torchrun --nproc-per-node 2 train_fsdp2.py runs/plain notes.txt runs/further --steps 50
    tinyseek import runs/further --out runs/back

One step is TinySeek's: cross-entropy plus the sequence-wise balance loss, gradients clipped by their global norm,
AdamW with weight decay on matrices only, and then the balancing bias, which transformers alone leaves as it is: the
selections of all processes are counted, and the bias of each expert moves by one small step towards the mean load
(DeepSeek-V3, arXiv:2412.19437, section 2.1.2). The optimizer starts anew. Needs transformers 5.18 and torch 2.7.

Shape legend: B rows of a process, T tokens a row, E routed experts, K experts a token.
"""

import argparse

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.distributed.tensor import DTensor
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.distributed import DistributedConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter


def main():
    args = parse_arguments()
    dist.init_process_group("gloo")  # on GPUs "nccl", and batches on the device of the model
    processes = dist.get_world_size()
    copies, copy = processes // args.expert_parallel, dist.get_rank() // args.expert_parallel
    if copies * args.expert_parallel != processes or args.batch_size % copies != 0:
        raise SystemExit("--expert-parallel must divide the processes, and what remains must divide --batch-size")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = load(args.model, copies, args.expert_parallel)
    routers = [Router(m, args.expert_parallel) for m in model.modules() if isinstance(m, DeepseekV3TopkRouter)]
    optimizer = torch.optim.AdamW(
        parameter_groups(model), args.learning_rate, betas=(0.9, 0.95), eps=1e-8, foreach=False
    )
    with open(args.text, encoding="utf-8") as file:
        ids = torch.tensor(tokenizer(file.read()).input_ids)
    if len(ids) <= args.seq_len:
        raise SystemExit(f"{args.text} has {len(ids)} tokens, and a row needs {args.seq_len + 1}; lower --seq-len")
    for step in range(args.steps):
        batch = rows(ids, step * args.batch_size, args.batch_size, args.seq_len).chunk(copies)[copy]  # [B, T+1]
        loss = train_step(model, routers, optimizer, batch, args)
        if dist.get_rank() == 0:
            print(f"step {step + 1}, loss {loss:.6f}", flush=True)
    model.save_pretrained(args.out)  # gathers what is sharded; the first process writes
    if dist.get_rank() == 0:
        tokenizer.save_pretrained(args.out)
    dist.destroy_process_group()


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=8, help="rows of a step, of all processes together")
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--bias-speed", type=float, default=0.001, help="gamma of the report")
    parser.add_argument("--balance-loss", type=float, default=1e-4, help="alpha of the report")
    parser.add_argument("--expert-parallel", type=int, default=1, help="processes that share the experts of a layer")
    return parser.parse_args()


def load(folder, copies, expert_parallel):
    """The model, sharded while it is loaded.

    For `fsdp_size`, transformers calls `fully_shard` (FSDP2) for each layer, over the copies. With expert parallelism,
    the routed experts of each layer are dealt out to `tp_size` processes, which read the same rows.
    """
    config = DistributedConfig(fsdp_size=copies, tp_size=expert_parallel, enable_expert_parallel=expert_parallel > 1)
    # "eager" runs at every size; leave it out where hidden_size and moe_intermediate_size are multiples of 8.
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, experts_implementation="eager", distributed_config=config
    )
    return model.train()


def parameter_groups(model):
    """Weight decay on matrices and stacked experts, none on the gains of norms."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


def rows(ids, first, count, length):
    """Rows `first` to `first + count` of the text, [count, T+1]; it starts again where it ends."""
    starts = [(row * length) % (len(ids) - length) for row in range(first, first + count)]
    return torch.stack([ids[start : start + length + 1] for start in starts])


def train_step(model, routers, optimizer, batch, args):
    """One optimizer step; returns the mean cross-entropy of all processes, in nats a token."""
    inputs, labels = batch[:, :-1], batch[:, 1:]
    logits = model(inputs).logits
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    balance = sum(router.balance_loss(len(inputs)) for router in routers)
    (loss + args.balance_loss * balance).backward()  # averages the gradients of the copies
    clip_gradients(model, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    for router in routers:
        router.move_bias(args.bias_speed)
    return mean_over_processes(loss.detach())


def mean_over_processes(value):
    dist.all_reduce(value)
    return value.item() / dist.get_world_size()


def clip_gradients(model, max_norm):
    """As torch.nn.utils.clip_grad_norm_, which refuses parameters that are sharded in different ways."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    squares = [g.pow(2).sum() for g in gradients]
    norm = sum(s.full_tensor() if isinstance(s, DTensor) else s for s in squares).sqrt()
    for gradient in gradients:
        gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))


class Router:
    """Watches the router of a layer: what it chose since the bias moved, and the balance loss of its last pass."""

    def __init__(self, module, expert_parallel):
        self.module = module
        self.local_experts = module.num_experts // expert_parallel
        self.first_expert = dist.get_rank() % expert_parallel * self.local_experts
        self.counts = torch.zeros(module.num_experts, dtype=torch.int64)
        module.register_forward_hook(self.watch)

    def watch(self, module, inputs, outputs):
        self.logits, _, chosen = outputs  # [B*T, E], [B*T, K], [B*T, K]
        # With expert parallelism `chosen` counts from the first expert here, and one number stands for all others.
        counts = chosen.flatten().cpu().bincount(minlength=self.local_experts + 1)[: self.local_experts]
        self.counts[self.first_expert : self.first_expert + self.local_experts] += counts

    def balance_loss(self, sequences):
        """Equations 17 to 20 of the report without alpha: the mean over rows of sum(f * P); 1 is even."""
        affinities = F.logsigmoid(self.logits).softmax(-1).unflatten(0, (sequences, -1))  # [B, T, E], sums are 1
        top = affinities.topk(self.module.top_k, dim=-1).indices
        selected = torch.zeros_like(affinities).scatter(-1, top, 1.0)
        f = selected.mean(1) * self.module.num_experts / self.module.top_k  # [B, E]
        p = affinities.mean(1)  # [B, E]
        return (f * p).sum(-1).mean()

    def move_bias(self, speed):
        """Up for experts below the mean load of all processes, down for those above."""
        counts = self.counts.to(self.module.e_score_correction_bias.device)
        dist.all_reduce(counts)
        self.module.e_score_correction_bias += speed * (counts.float().mean() - counts).sign()
        self.counts.zero_()


if __name__ == "__main__":
    main()
