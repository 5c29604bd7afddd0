"""Table `ppo.json`: PPO's advantages by token, losses and gradients by torch autograd. Needs torch and numpy only."""

import numpy as np
import torch
from common import numbers, write_json

# Distinct sizes: 5 answers of up to 7 tokens, in rows of 11 positions.
ANSWERS, LONGEST, POSITIONS, SEED, CLIP = 5, 7, 11, 113, 0.2


def ppo():
    """
    Generalised advantage estimation as its definition has it, a sum over all later temporal differences for each token;
    the clipped loss of PPO; and half the squared error of the critic. Both losses are means over tokens of all answers.
    """
    rng = np.random.default_rng(SEED)
    rewards = torch.from_numpy(rng.uniform(-1, 2, ANSWERS))
    lengths = rng.permutation(np.arange(LONGEST - ANSWERS + 1, LONGEST + 1))
    starts = rng.integers(0, POSITIONS - LONGEST, ANSWERS)
    logps = torch.from_numpy(rng.uniform(-3, -0.1, (ANSWERS, POSITIONS))).float()
    sampled = logps + torch.from_numpy(rng.normal(0, 0.25, (ANSWERS, POSITIONS))).float()
    values = torch.from_numpy(rng.uniform(-1, 1, (ANSWERS, POSITIONS))).float()
    tokens = [slice(start, start + length) for start, length in zip(starts, lengths)]
    own = [values[i, at].double() for i, at in enumerate(tokens)]
    cases = []
    for lam in (0.95, 1.0):
        advantages = [estimate(reward, expected, lam) for reward, expected in zip(rewards, own)]
        everything = torch.cat(advantages)
        whitened = [(a - everything.mean()) / (everything.std(correction=0) + 1e-8) for a in advantages]
        targets = [a + expected for a, expected in zip(advantages, own)]
        policy = logps.double().requires_grad_()
        ratios = [(policy[i, at] - sampled[i, at].double()).exp() for i, at in enumerate(tokens)]
        terms = [torch.minimum(r * a, r.clamp(1 - CLIP, 1 + CLIP) * a) for r, a in zip(ratios, whitened)]
        loss = -torch.cat(terms).mean()
        loss.backward()
        critic = values.double().requires_grad_()
        errors = [(critic[i, at] - target) ** 2 / 2 for (i, at), target in zip(enumerate(tokens), targets)]
        critic_loss = torch.cat(errors).mean()
        critic_loss.backward()
        cases.append(
            {
                "lambda": lam,
                "advantages": [numbers(a) for a in advantages],
                "whitened": [numbers(a) for a in whitened],
                "targets": [numbers(t) for t in targets],
                "loss": numbers(loss),
                "dLogps": numbers(policy.grad),
                "criticLoss": numbers(critic_loss),
                "dValues": numbers(critic.grad),
            }
        )
    write_json(
        "ppo.json",
        {
            "rewards": numbers(rewards),
            "lengths": lengths.tolist(),
            "starts": starts.tolist(),
            "logps": numbers(logps),
            "sampled": numbers(sampled),
            "values": numbers(values),
            "clip": CLIP,
            "cases": cases,
        },
    )


def estimate(reward, values, lam):
    after = torch.cat([values[1:], reward[None]])
    differences = after - values
    return torch.stack(
        [sum(lam**k * differences[i + k] for k in range(len(values) - i)) for i in range(len(values))]
    )
