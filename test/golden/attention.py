"""The attention of design.md §1 in torch, as plainly as it can be said; autograd does the rest. Used by the make_*.py beside it."""

import math

import torch
from torch import nn


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


class Score(nn.Module):
    """Parameters of a score under their names; a sigma that is not 0 is not trained."""

    def __init__(self, kind, width, sigma=0):
        super().__init__()
        self.kind = kind
        self.fixed = {"log_sigma": torch.tensor([math.log(sigma)])} if sigma else {}
        if kind == "mlp":
            self.w = nn.Parameter(torch.zeros(width, width))
            self.u = nn.Parameter(torch.zeros(width, width))
            self.b = nn.Parameter(torch.zeros(width))
            self.v = nn.Parameter(torch.zeros(width))
        if kind == "gaussian" and not sigma:
            self.log_sigma = nn.Parameter(torch.zeros(1))


class Attention(nn.Module):
    """w of one history; options as in the settings of a model. A user has an interest of its own, or, being None, the mean."""

    def __init__(self, options, width, users=0):
        super().__init__()
        self.options = options
        if options["interest"] == "learned":
            self.interest = nn.Parameter(torch.zeros(width))
        if options["interest"] == "user":
            self.users = nn.Parameter(torch.zeros(users, width))
        self.score = Score(options.get("score", "dot"), width, options.get("sigma", 0))

    def forward(self, x, user=None):
        interest, normalize, scale = (self.options[key] for key in ["interest", "normalize", "scale"])
        learned = getattr(self, "interest", None)
        if interest == "user":
            interest, learned = ("mean", None) if user is None else ("learned", self.users[user])
        u = interest_of(interest, normalize, x, learned)
        score = self.score
        return weights_of(normalize, scale, x, u, score.kind, {**dict(score.named_parameters()), **score.fixed})
