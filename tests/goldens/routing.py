"""Looks at what the routers of a model did, and checks that a case would notice the known routing bugs."""

import torch
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf


class RouterProbe:
    """Records, for every router of a model and one forward pass, its input, indices and weights."""

    def __init__(self, model):
        self.calls = []
        self.handles = [
            module.register_forward_hook(lambda m, args, out, n=name: self.calls.append((n, m, args[0].detach(), out)))
            for name, module in model.named_modules()
            if isinstance(module, hf.DeepseekV3TopkRouter)
        ]

    def close(self):
        for handle in self.handles:
            handle.remove()


def choose(router, scores_for_choice, mask_value=float("-inf"), use_groups=True):
    """Sorted expert indices and the smallest gap that decided them, written apart from transformers' own routing."""
    n, e = scores_for_choice.shape
    margins = []
    masked = scores_for_choice
    if use_groups and router.topk_group < router.num_group:
        group_scores = scores_for_choice.view(n, router.num_group, -1).sort(-1, descending=True)[0][..., :2].sum(-1)
        order = group_scores.sort(-1, descending=True)
        margins.append(order[0][:, router.topk_group - 1] - order[0][:, router.topk_group])
        allowed = torch.zeros_like(group_scores).scatter(1, order[1][:, : router.topk_group], 1).bool()
        allowed = allowed.repeat_interleave(e // router.num_group, dim=1)
        masked = torch.where(allowed, scores_for_choice, torch.tensor(mask_value))
    order = masked.sort(-1, descending=True)
    if router.top_k < e:
        margins.append(order[0][:, router.top_k - 1] - order[0][:, router.top_k])
    margin = torch.stack(margins).min().item() if margins else float("inf")
    return order[1][:, : router.top_k].sort(-1)[0], margin


def scores_of(router, hidden):
    hidden = hidden.reshape(-1, router.hidden_dim).float()
    scores = (hidden @ router.weight.float().T).sigmoid()
    return scores, scores + router.e_score_correction_bias.float()


def inspect(probe):
    """
    One record a router: counts per expert and the margin of the decisions, and what known bugs would have changed.

    The first check is of transformers itself: our own selection with `-inf` and gates from un-biased scores agree with it.
    """
    records = []
    for name, router, hidden, (_, weights, indices) in probe.calls:
        scores, biased = scores_of(router, hidden)
        chosen, margin = choose(router, biased)
        order = indices.sort(-1)
        assert torch.equal(order[0], chosen), f"{name}: transformers does not select with -inf"
        gates = scores.gather(1, chosen)
        gates = gates / (gates.sum(-1, keepdim=True) + 1e-20) if router.norm_topk_prob else gates
        gates = gates * router.routed_scaling_factor
        assert torch.allclose(gates, weights.gather(1, order[1]).float(), rtol=1e-5), f"{name}: gates are biased"
        differs = lambda other: int((other != chosen).any(-1).sum())
        records.append(
            {
                "layer": name.removesuffix(".mlp.gate"),
                "tokensPerExpert": torch.bincount(indices.flatten(), minlength=router.num_experts).tolist(),
                "smallestMargin": margin,
                "negativeBiasedScoresChosen": int((biased.gather(1, chosen) < 0).sum()),
                "tokensChangedByZeroMask": differs(choose(router, biased, mask_value=0.0)[0]),
                "tokensChangedByNoGroups": differs(choose(router, biased, use_groups=False)[0]),
                "tokensChangedByNoBias": differs(choose(router, scores)[0]),
            }
        )
    return records


def assert_telling(records, grouped):
    """A case must notice each bug in each layer, and no decision may be so close that rounding could turn it."""
    for record in records:
        assert record["smallestMargin"] > 2e-4, record
        assert record["tokensChangedByNoBias"] > 0, record
        assert record["tokensPerExpert"][-1] == 0, record
        if grouped:
            assert record["negativeBiasedScoresChosen"] > 0, record
            assert record["tokensChangedByZeroMask"] > 0, record
            assert record["tokensChangedByNoGroups"] > 0, record
