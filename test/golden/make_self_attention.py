"""self_attention.json: torch.nn.MultiheadAttention over one sequence at a time under a causal mask, with and without dropout."""

import torch

from fixture import uniform, write
from layers import causal_mask, dropped_attention

LENGTHS = [5, 2, 1]
# D and N: heads of 6, 2, 4 and 5 numbers
SHAPES = [(6, 1), (6, 3), (8, 2), (10, 2)]

generator = torch.Generator().manual_seed(21)
cases = []
for width, heads in SHAPES:
    layer = torch.nn.MultiheadAttention(width, heads, bias=True)
    for parameter in layer.parameters():
        parameter.data = uniform(generator, *parameter.shape, bound=0.75)
    x = [uniform(generator, length, width, bound=2.0) for length in LENGTHS]
    d_y = [uniform(generator, length, width) for length in LENGTHS]
    case = {"width": width, "heads": heads, "parameters": dict(layer.named_parameters()), "x": x, "dY": d_y, "runs": []}
    # The last shape has dropout too: torch draws masks of its own, so the layer is written out, and checked without dropout.
    for rate in [0, 0.25] if (width, heads) == SHAPES[-1] else [0]:
        layer.zero_grad()
        keep = [(torch.rand(heads, n, n, generator=generator) >= rate).double() for n in LENGTHS]
        y, d_x = [], []
        for x_b, d_b, keep_b in zip(x, d_y, keep):
            leaf = x_b.clone().requires_grad_()
            rows = leaf[:, None]
            given, _ = layer(rows, rows, rows, attn_mask=causal_mask(len(leaf)), need_weights=False)
            everything = torch.ones_like(keep_b)
            assert torch.allclose(given[:, 0], dropped_attention(layer, heads, leaf, everything, 0), rtol=0, atol=1e-14)
            y_b = given[:, 0] if rate == 0 else dropped_attention(layer, heads, leaf, keep_b, rate)
            (y_b * d_b).sum().backward()
            y.append(y_b)
            d_x.append(leaf.grad)
        gradients = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
        run = {"rate": rate, "keep": None if rate == 0 else [k.bool().tolist() for k in keep]}
        case["runs"].append({**run, "y": y, "dX": d_x, "gradients": gradients})
    cases.append(case)

write("self_attention.json", __file__, "torch.nn.MultiheadAttention, causal mask, loss = sum(y * dY)", cases)
