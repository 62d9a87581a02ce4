"""cross_entropy.json: torch.nn.functional.cross_entropy of H Eᵀ; the gradients are those of scale·Σ losses."""

import torch
from torch.nn.functional import cross_entropy

from fixture import normal, write

generator = torch.Generator().manual_seed(14)
cases = []
for rows, width, items, spread, scale in [
    (1, 1, 1, 1.0, None),
    (5, 6, 11, 1.0, None),
    (7, 8, 13, 1.0, 0.25),
    (6, 5, 17, 12.0, None),  # logits in the hundreds: exp of one of them overflows f32
]:
    h = normal(generator, rows, width, scale=spread).requires_grad_()
    e = normal(generator, items, width, scale=spread).requires_grad_()
    targets = torch.randint(items, (rows,), generator=generator)
    used = 1 / rows if scale is None else scale
    losses = cross_entropy(h @ e.T, targets, reduction="none")
    (losses.sum() * used).backward()
    cases.append({"h": h, "e": e, "targets": targets, "scale": scale, "losses": losses, "dH": h.grad, "dE": e.grad})

write("cross_entropy.json", __file__, "cross entropy over the whole catalogue, logits = h e^T; scale null means 1 / rows", cases)
