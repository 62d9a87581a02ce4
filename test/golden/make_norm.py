"""norm.json: torch.nn.functional.layer_norm, eps 1e-5, and the gradients of Σ y·dY."""

import torch
from torch.nn.functional import layer_norm

from fixture import normal, write

generator = torch.Generator().manual_seed(15)
cases = []
for rows, width in [(1, 1), (3, 4), (4, 11), (2, 16)]:
    x = normal(generator, rows, width, scale=2.0).requires_grad_()
    gamma = normal(generator, width).requires_grad_()
    beta = normal(generator, width).requires_grad_()
    d_y = normal(generator, rows, width)
    y = layer_norm(x, (width,), gamma, beta, 1e-5)
    (y * d_y).sum().backward()
    cases.append({"x": x, "gamma": gamma, "beta": beta, "dY": d_y, "y": y})
    cases[-1].update({"dX": x.grad, "dGamma": gamma.grad, "dBeta": beta.grad})

write("norm.json", __file__, "layer norm over the last axis, eps 1e-5, loss = sum(y * dY)", cases)
