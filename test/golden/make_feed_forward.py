"""feed_forward.json: linear2(act(linear1(x))) with relu and gelu, and the gradients of Σ y·dY."""

import torch

from fixture import uniform, write
from layers import FeedForward

generator = torch.Generator().manual_seed(22)
cases = []
for activation, rows, width, inner in [("relu", 3, 5, 7), ("gelu", 3, 5, 7), ("relu", 2, 8, 8), ("gelu", 2, 4, 16)]:
    layer = FeedForward(width, inner, activation)
    for parameter in layer.parameters():
        parameter.data = uniform(generator, *parameter.shape)
    x = uniform(generator, rows, width, bound=2.0).requires_grad_()
    d_y = uniform(generator, rows, width)
    y = layer(x)
    (y * d_y).sum().backward()
    case = {"activation": activation, "parameters": dict(layer.named_parameters()), "x": x, "dY": d_y, "y": y, "dX": x.grad}
    cases.append({**case, "gradients": {name: parameter.grad for name, parameter in layer.named_parameters()}})

write("feed_forward.json", __file__, "linear2(activation(linear1(x))), loss = sum(y * dY)", cases)
