"""attention.json: interest, weights and gradients of Σ w·dW by autograd, for every interest × normalisation × scale."""

import torch

from attention import interest_of, weights_of
from fixture import uniform, write

WIDTH = 6
LENGTHS = [1, 2, 7]

generator = torch.Generator().manual_seed(13)
x = [uniform(generator, length, WIDTH) for length in LENGTHS]
learned = uniform(generator, WIDTH)
d_w = [uniform(generator, length) for length in LENGTHS]

cases = []
for interest in ["learned", "last", "mean"]:
    for normalize in ["sequence", "causal"]:
        for scale in ["none", "length"]:
            sequences = []
            for x_b, d_b in zip(x, d_w):
                leaf, u_leaf = x_b.clone().requires_grad_(), learned.clone().requires_grad_()
                u = interest_of(interest, normalize, leaf, u_leaf)
                w = weights_of(normalize, scale, leaf, u)
                (w * d_b).sum().backward()
                d_learned = u_leaf.grad if interest == "learned" else torch.zeros(WIDTH)
                sequences.append({"x": x_b, "dWeights": d_b, "u": u, "weights": w, "dX": leaf.grad, "dLearned": d_learned})
            cases.append(
                {"interest": interest, "normalize": normalize, "scale": scale, "learned": learned, "sequences": sequences}
            )

write("attention.json", __file__, "dot attention over one history at a time, loss = sum(weights * dWeights)", cases)
