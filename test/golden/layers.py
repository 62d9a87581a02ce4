"""Blocks of torch's own layers, under the names our model file gives them, and cells unrolled where torch has no such option."""

import torch
from torch import nn

ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
    "gelu": lambda x: nn.functional.gelu(x, approximate="tanh"),
}


def causal_mask(length):
    """What nn.MultiheadAttention must not look at."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def run_cell(kind, layer, x, h, c=None, activation="tanh"):
    """Unrolls a GRU or LSTM over one sequence with another activation in place of tanh: h of every step, and the last c."""
    f = ACTIVATIONS[activation]
    states = []
    for x_t in x:
        a = layer.weight_ih_l0 @ x_t + layer.bias_ih_l0
        b = layer.weight_hh_l0 @ h + layer.bias_hh_l0
        if kind == "gru":
            (a_r, a_z, a_n), (b_r, b_z, b_n) = a.chunk(3), b.chunk(3)
            z = torch.sigmoid(a_z + b_z)
            h = (1 - z) * f(a_n + torch.sigmoid(a_r + b_r) * b_n) + z * h
        else:
            i, forget, g, o = (a + b).chunk(4)
            c = torch.sigmoid(forget) * c + torch.sigmoid(i) * f(g)
            h = torch.sigmoid(o) * f(c)
        states.append(h)
    return torch.stack(states), c


def dropped_attention(layer, heads, x, keep, rate):
    """Causal self-attention of one sequence with layer's weights, the probabilities times keep / (1 - rate); keep is [N, T, T]."""
    length, width = x.shape
    q, k, v = (x @ layer.in_proj_weight.T + layer.in_proj_bias).chunk(3, dim=1)
    q, k, v = (part.reshape(length, heads, -1).transpose(0, 1) for part in (q, k, v))
    z = q @ k.transpose(1, 2) / (width // heads) ** 0.5
    p = torch.softmax(z.masked_fill(causal_mask(length), float("-inf")), 2)
    context = (p * keep / (1 - rate)) @ v
    return layer.out_proj(context.transpose(0, 1).reshape(length, width))


class FeedForward(nn.Module):
    def __init__(self, width, inner, activation):
        super().__init__()
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.activation = activation

    def forward(self, x):
        return self.linear2(ACTIVATIONS[self.activation](self.linear1(x)))


class Block(nn.Module):
    """A mixer and an optional feed-forward sublayer, wrapped alike; config as BlockConfig of test/reference/block.ts.

    A recurrence may go from width to another width, hidden.
    """

    def __init__(self, config, width, inner=None, hidden=None):
        super().__init__()
        self.config = config
        if config["mixer"] == "self-attention":
            self.self_attention = nn.MultiheadAttention(width, config["heads"], bias=True)
        else:
            self.recurrence = (nn.GRU if config["mixer"] == "gru" else nn.LSTM)(width, hidden or width)
        if config["norm"] != "none":
            self.norm1 = nn.LayerNorm(width)
        if config.get("feedForward"):
            self.feed_forward = FeedForward(width, inner, config["feedForward"])
            if config["norm"] != "none":
                self.norm2 = nn.LayerNorm(width)

    def mix(self, x, weights):
        """f of the mixer over one sequence, [T, D]."""
        kind, activation = self.config["mixer"], self.config.get("activation", "tanh")
        if kind == "self-attention":
            rows = x[:, None]
            y, _ = self.self_attention(rows, rows, rows, attn_mask=causal_mask(len(x)), need_weights=False)
            return y[:, 0]
        if weights is not None:
            x = x * weights[:, None]
        if activation == "tanh":
            return self.recurrence(x[:, None])[0][:, 0]
        zero = torch.zeros(self.recurrence.hidden_size)
        return run_cell(kind, self.recurrence, x, zero, zero, activation)[0]

    def wrap(self, norm, f, x):
        y = f(norm(x) if self.config["norm"] == "pre" else x)
        if self.config["residual"] == "add":
            y = x + y
        return norm(y) if self.config["norm"] == "post" else y

    def forward(self, x, weights=None):
        y = self.wrap(getattr(self, "norm1", None), lambda rows: self.mix(rows, weights), x)
        if self.config.get("feedForward"):
            y = self.wrap(getattr(self, "norm2", None), self.feed_forward, y)
        return y
