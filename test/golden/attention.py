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


def score_of(kind, x, u, parameters=None):
    """z of the rows of x and one u; parameters under their names after "attention.score."."""
    if kind == "mlp":
        inner = x @ parameters["w"].T + parameters["u"] @ u + parameters["b"]
        return torch.tanh(inner) @ parameters["v"]
    if kind == "gaussian":
        sigma = torch.exp(parameters["log_sigma"])
        return -((x - u) ** 2).sum(1) / (2 * sigma**2)
    return x @ u


def weights_of(normalize, scale, x, u, score="dot", parameters=None):
    """w of one history; x is [T, D], u is [1, D] or [T, D]."""
    length = x.shape[0]
    if normalize == "sequence":
        return torch.softmax(score_of(score, x, u[0], parameters), 0) * (length if scale == "length" else 1)
    weights = []
    for t in range(length):
        p = torch.softmax(score_of(score, x[: t + 1], u[t], parameters), 0)
        weights.append(p[t] * (t + 1 if scale == "length" else 1))
    return torch.stack(weights)
