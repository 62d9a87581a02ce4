"""attention_scores.json: mlp, gaussian with a trained σ and gaussian with a fixed one, for every interest × normalisation."""

import math

import torch

from attention import interest_of, weights_of
from fixture import normal, uniform, write

WIDTH = 5
LENGTHS = [1, 2, 5]
SIGMA = 1.5

generator = torch.Generator().manual_seed(25)
x = [uniform(generator, length, WIDTH) for length in LENGTHS]
learned = uniform(generator, WIDTH)
d_w = [uniform(generator, length) for length in LENGTHS]
mlp = {"w": normal(generator, WIDTH, WIDTH), "u": normal(generator, WIDTH, WIDTH)}
mlp.update({"b": normal(generator, WIDTH), "v": normal(generator, WIDTH)})
SCORES = [
    ("mlp", None, mlp),
    ("gaussian", None, {"log_sigma": torch.tensor([-0.25])}),
    ("gaussian", SIGMA, {}),
]

cases = []
for score, sigma, parameters in SCORES:
    case = {"score": score, "sigma": sigma, "parameters": parameters, "learned": learned, "x": x, "dWeights": d_w, "runs": []}
    for number, (interest, normalize) in enumerate((i, n) for i in ["learned", "last", "mean"] for n in ["sequence", "causal"]):
        scale = ["length", "none", "none", "length"][number % 4]
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        used = leaves if sigma is None else {"log_sigma": torch.tensor([math.log(sigma)])}
        u_leaf = learned.clone().requires_grad_()
        run = {"interest": interest, "normalize": normalize, "scale": scale, "weights": [], "dX": []}
        for x_b, d_b in zip(x, d_w):
            leaf = x_b.clone().requires_grad_()
            w = weights_of(normalize, scale, leaf, interest_of(interest, normalize, leaf, u_leaf), score, used)
            (w * d_b).sum().backward()
            run["weights"].append(w)
            run["dX"].append(leaf.grad)
        run["dLearned"] = u_leaf.grad if interest == "learned" else torch.zeros(WIDTH)
        run["gradients"] = {name: leaf.grad for name, leaf in leaves.items()}
        case["runs"].append(run)
    cases.append(case)

write(
    "attention_scores.json",
    __file__,
    "attention over one history at a time, loss = sum(weights * dWeights), dLearned and gradients summed over histories",
    cases,
)
