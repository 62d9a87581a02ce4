"""attentive_cells.json: torch.nn.GRU and LSTM fed x·w, for every attention score × interest × normalisation: h, and gradients of Σ h·dH."""

import torch

from attention import interest_of, weights_of
from fixture import normal, uniform, write

WIDTH, HIDDEN = 3, 3
LENGTHS = [4, 2]

generator = torch.Generator().manual_seed(26)
cases = []
for cell in ["gru", "lstm"]:
    layer = (torch.nn.GRU if cell == "gru" else torch.nn.LSTM)(WIDTH, HIDDEN)
    for parameter in layer.parameters():
        parameter.data = uniform(generator, *parameter.shape)
    x = [normal(generator, length, WIDTH) for length in LENGTHS]
    d_h = [uniform(generator, length, HIDDEN) for length in LENGTHS]
    learned = normal(generator, WIDTH)
    mlp = {"w": normal(generator, WIDTH, WIDTH), "u": normal(generator, WIDTH, WIDTH)}
    mlp.update({"b": normal(generator, WIDTH), "v": normal(generator, WIDTH)})
    scores = {"dot": {}, "mlp": mlp, "gaussian": {"log_sigma": torch.tensor([0.25])}}
    case = {"cell": cell, "parameters": {name: value.tolist() for name, value in layer.named_parameters()}}
    case.update({"learned": learned, "scores": scores, "x": x, "dH": d_h, "runs": []})
    for score, parameters in scores.items():
        for interest in ["learned", "last", "mean"]:
            for normalize in ["sequence", "causal"]:
                leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
                u_leaf = learned.clone().requires_grad_()
                run = {"score": score, "interest": interest, "normalize": normalize, "scale": "length", "h": [], "dX": []}
                for x_b, d_b in zip(x, d_h):
                    leaf = x_b.clone().requires_grad_()
                    u = interest_of(interest, normalize, leaf, u_leaf)
                    w = weights_of(normalize, "length", leaf, u, score, leaves)
                    h = layer((leaf * w[:, None])[:, None])[0][:, 0]
                    (h * d_b).sum().backward()
                    run["h"].append(h)
                    run["dX"].append(leaf.grad)
                run["dLearned"] = u_leaf.grad if interest == "learned" else torch.zeros(WIDTH)
                run["gradients"] = {name: leaf.grad for name, leaf in leaves.items()}
                case["runs"].append(run)
    cases.append(case)

write(
    "attentive_cells.json",
    __file__,
    "a cell over x_t * w_t, one history at a time, loss = sum(h * dH), dLearned and gradients summed over histories",
    cases,
)
