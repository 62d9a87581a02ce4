"""activation.json: values and slopes of gelu (the tanh approximation), relu, and what a recurrent cell may have in place of tanh."""

import torch

from fixture import write
from layers import ACTIVATIONS

INPUTS = [-40, -9, -5, -3, -2, -1.5, -1, -0.75, -0.5, -0.125, -1 / 128, 0, 1 / 128, 0.125, 0.5, 0.75, 1, 1.5, 2, 3, 5, 9, 40]

cases = []
for name, activation in ACTIVATIONS.items():
    x = torch.tensor(INPUTS, dtype=torch.float64, requires_grad=True)
    y = activation(x)
    y.sum().backward()
    cases.append({"name": name, "rows": list(zip(INPUTS, y.tolist(), x.grad.tolist()))})

write("activation.json", __file__, "rows are [x, f(x), f'(x)]; gelu with approximate='tanh'", cases)
