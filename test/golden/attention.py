"""The attention of design.md §1 in torch, as plainly as it can be said; autograd does the rest. Used by the make_*.py beside it."""

import torch


def interest_of(kind, normalize, x, learned):
    """u as rows: one for the whole history ("sequence"), or one for each step ("causal")."""
    length = x.shape[0]
    if normalize == "sequence":
        return {"learned": learned, "last": x[-1], "mean": x.mean(0)}[kind][None]
    if kind == "learned":
        return learned.expand(length, -1)
    if kind == "last":
        return x
    return torch.stack([x[: t + 1].mean(0) for t in range(length)])


def weights_of(normalize, scale, x, u):
    """w of one history; x is [T, D], u is [1, D] or [T, D]."""
    length = x.shape[0]
    if normalize == "sequence":
        return torch.softmax(x @ u[0], 0) * (length if scale == "length" else 1)
    weights = []
    for t in range(length):
        p = torch.softmax(x[: t + 1] @ u[t], 0)
        weights.append(p[t] * (t + 1 if scale == "length" else 1))
    return torch.stack(weights)
