"""adam.json: ten steps of torch.optim.Adam and AdamW on two tensors with given gradients, after clip_grad_norm_."""

import torch

from fixture import normal, write

STEPS = 10
SHAPES = [7, 12]

generator = torch.Generator().manual_seed(16)
cases = []
for optimizer, weight_decay, max_norm in [
    ("Adam", 0.0, None),
    ("Adam", 0.1, 2.0),
    ("AdamW", 0.1, 2.0),
    ("AdamW", 0.1, None),
]:
    options = {"lr": 0.05, "betas": (0.9, 0.98), "eps": 1e-8, "weight_decay": weight_decay}
    values = [torch.nn.Parameter(normal(generator, size)) for size in SHAPES]
    case = {"optimizer": optimizer, "maxNorm": max_norm, "learningRate": options["lr"], "beta1": 0.9, "beta2": 0.98}
    case.update({"epsilon": 1e-8, "weightDecay": weight_decay, "initial": [v.tolist() for v in values], "steps": []})
    torch_optimizer = getattr(torch.optim, optimizer)(values, **options)
    for step in range(STEPS):
        # Even steps are large and get clipped; odd ones are below the limit and must stay as they are.
        gradients = [normal(generator, size, scale=3.0 if step % 2 == 0 else 0.1) for size in SHAPES]
        for value, gradient in zip(values, gradients):
            value.grad = gradient.clone()
        limit = float("inf") if max_norm is None else max_norm
        norm = torch.nn.utils.clip_grad_norm_(values, limit)
        torch_optimizer.step()
        case["steps"].append({"gradients": gradients, "norm": norm, "values": [v.tolist() for v in values]})
    cases.append(case)

write("adam.json", __file__, "Adam and AdamW with given gradients; norm is the global norm before clipping", cases)
