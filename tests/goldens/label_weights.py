"""Table `label-weights.json`: cross-entropy of labels that carry weights, under an output head. Needs torch and numpy only."""

import numpy as np
import torch
from common import numbers, write_json
from torch.nn.functional import cross_entropy

# Distinct sizes: B 2, L 7 positions, D 5 channels, V 11 tokens.
BATCH, POSITIONS, CHANNELS, VOCABULARY, SEED = 2, 7, 5, 11, 111


def label_weights():
    """
    For each case a weight for each label, the mean loss and its gradients. Two means are PyTorch's own: `mask` is
    `cross_entropy` with -100 for the labels of weight 0, which is what transformers' `ForCausalLMLoss` computes, and
    `by class` is `cross_entropy` with a weight for each class. The rest is sum(weight * loss) / sum(weight).
    """
    rng = np.random.default_rng(SEED)
    hidden = torch.from_numpy(rng.standard_normal((BATCH, POSITIONS, CHANNELS))).float()
    head = torch.from_numpy(rng.standard_normal((VOCABULARY, CHANNELS))).float()
    labels = torch.from_numpy(rng.integers(0, VOCABULARY, (BATCH, POSITIONS)))
    mask = torch.from_numpy(rng.integers(0, 2, (BATCH, POSITIONS)))
    classes = torch.from_numpy(rng.uniform(0.1, 3, VOCABULARY)).float()
    fractions = torch.from_numpy(rng.uniform(0, 2, (BATCH, POSITIONS))).float()
    fractions[0, 2:5] = 0
    single = torch.zeros(BATCH, POSITIONS)
    single[1, 3] = 0.3

    def by_weight(weights):
        def mean(logits):
            losses = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
            return (losses * weights.flatten()).sum() / weights.sum()

        return weights, mean

    def masked(logits):
        return cross_entropy(logits.flatten(0, 1), labels.masked_fill(mask == 0, -100).flatten(), ignore_index=-100)

    def by_class(logits):
        return cross_entropy(logits.flatten(0, 1), labels.flatten(), weight=classes)

    cases = {
        "mask": (mask.float(), masked),
        "by class": (classes[labels], by_class),
        "fractions": by_weight(fractions),
        "one label": by_weight(single),
        "all alike": (torch.full((BATCH, POSITIONS), 0.7), lambda x: cross_entropy(x.flatten(0, 1), labels.flatten())),
    }
    values = {
        "hidden": numbers(hidden),
        "head": numbers(head),
        "labels": labels.tolist(),
        "cases": [{"name": name} | case(hidden, head, *given) for name, given in cases.items()],
    }
    write_json("label-weights.json", values)


def case(hidden, head, weights, mean):
    hidden, head = hidden.clone().requires_grad_(), head.clone().requires_grad_()
    loss = mean(hidden @ head.T)
    loss.backward()
    return {
        "weights": numbers(weights),
        "loss": numbers(loss),
        "dHidden": numbers(hidden.grad),
        "dHead": numbers(head.grad),
    }
