"""gru_activation.json and lstm_activation.json: cells with another activation in place of tanh, unrolled; tanh checks the unrolling."""

import torch

from fixture import uniform, write
from layers import run_cell

WIDTH, HIDDEN = 4, 5
LENGTHS = [4, 2]


def case(kind, generator):
    layer = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(WIDTH, HIDDEN)
    for parameter in layer.parameters():
        parameter.data = uniform(generator, *parameter.shape, bound=0.5)
    x = [uniform(generator, length, WIDTH) for length in LENGTHS]
    weights = [uniform(generator, length) + 1.25 for length in LENGTHS]
    d_h = [uniform(generator, length, HIDDEN) for length in LENGTHS]
    h0, c0, d_c_last = (uniform(generator, len(LENGTHS), HIDDEN) for _ in range(3))
    result = {"inputSize": WIDTH, "hiddenSize": HIDDEN, "lengths": LENGTHS}
    result.update({"parameters": {name: value.tolist() for name, value in layer.named_parameters()}})
    result.update({"x": x, "weights": weights, "dH": d_h, "runs": []})
    for activation in ["tanh", "relu", "sigmoid", "identity"]:
        layer.zero_grad()
        run = {"activation": activation, "initial": "given", "h0": h0}
        run.update({key: [] for key in ["h", "dX", "dWeights", "dH0"]})
        if kind == "lstm":
            run.update({"c0": c0, "dCLast": d_c_last, "cLast": [], "dC0": []})
        for b in range(len(LENGTHS)):
            x_b, w_b, h_b, c_b = (v[b].clone().requires_grad_() for v in [x, weights, h0, c0])
            h, c_last = run_cell(kind, layer, x_b * w_b[:, None], h_b, c_b, activation)
            if activation == "tanh":
                state = h_b[None, None] if kind == "gru" else (h_b[None, None], c_b[None, None])
                want = layer((x_b * w_b[:, None])[:, None], state)[0][:, 0]
                assert torch.allclose(h, want, rtol=0, atol=1e-14)
                continue
            loss = (h * d_h[b]).sum()
            if kind == "lstm":
                loss = loss + (c_last * d_c_last[b]).sum()
            loss.backward()
            run["h"].append(h)
            run["dX"].append(x_b.grad)
            run["dWeights"].append(w_b.grad)
            run["dH0"].append(h_b.grad)
            if kind == "lstm":
                run["cLast"].append(c_last)
                run["dC0"].append(c_b.grad)
        if activation != "tanh":
            run["gradients"] = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
            result["runs"].append(run)
    return result


for kind, seed in [("gru", 27), ("lstm", 28)]:
    write(
        f"{kind}_activation.json",
        __file__,
        f"{kind} with another activation in place of tanh, input x_t * w_t, loss = sum(h * dH)"
        + (" + sum(cLast * dCLast)" if kind == "lstm" else ""),
        [case(kind, torch.Generator().manual_seed(seed))],
    )
