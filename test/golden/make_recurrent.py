"""gru.json, lstm.json: torch.nn.GRU and torch.nn.LSTM over a packed ragged batch; x·w goes in, gradients of Σ h·dH come out."""

import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from fixture import uniform, write

CASES = [
    # D and H with tails of the 4-lane vectors, both kinds of initial state
    {"width": 6, "hidden": 11, "lengths": [7, 5, 5, 2, 1], "initial": ["zero", "given"]},
    # D and H in whole vectors
    {"width": 16, "hidden": 16, "lengths": [4, 3, 3, 1], "initial": ["given"]},
]


def unpack(packed):
    padded, lengths = pad_packed_sequence(packed, batch_first=True)
    return [padded[b, :length] for b, length in enumerate(lengths.tolist())]


def case(kind, width, hidden, lengths, initial, generator):
    layer = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(width, hidden)
    for parameter in layer.parameters():
        parameter.data = uniform(generator, *parameter.shape, bound=0.5)
    x = [uniform(generator, length, width).requires_grad_() for length in lengths]
    weights = [(uniform(generator, length) + 1.25).requires_grad_() for length in lengths]
    d_h = [uniform(generator, length, hidden) for length in lengths]
    batch = len(lengths)
    result = {
        "inputSize": width,
        "hiddenSize": hidden,
        "lengths": lengths,
        "parameters": dict(layer.named_parameters()),
        "x": x,
        "weights": weights,
        "dH": d_h,
        "runs": [],
    }
    for state in initial:
        bound = 0.0 if state == "zero" else 1.0
        h0 = uniform(generator, 1, batch, hidden, bound=bound).requires_grad_()
        c0 = uniform(generator, 1, batch, hidden, bound=bound).requires_grad_()
        d_c_last = uniform(generator, batch, hidden, bound=bound)
        leaves = [*layer.parameters(), *x, *weights, h0, c0]
        for leaf in leaves:
            leaf.grad = None
        packed = pack_sequence([x_b * w_b[:, None] for x_b, w_b in zip(x, weights)])
        run = {"initial": state, "h0": h0[0].tolist()}
        if kind == "gru":
            output, _ = layer(packed, h0)
            loss = 0
        else:
            output, (_, c_last) = layer(packed, (h0, c0))
            loss = (c_last[0] * d_c_last).sum()
            run.update({"c0": c0[0], "cLast": c_last[0], "dCLast": d_c_last})
        h = unpack(output)
        (loss + sum((h_b * d_b).sum() for h_b, d_b in zip(h, d_h))).backward()
        run.update({"h": h, "dX": [x_b.grad for x_b in x], "dWeights": [w_b.grad for w_b in weights], "dH0": h0.grad[0]})
        if kind == "lstm":
            run["dC0"] = c0.grad[0]
        run["gradients"] = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
        result["runs"].append(run)
    return result


for kind, seed in [("gru", 11), ("lstm", 12)]:
    generator = torch.Generator().manual_seed(seed)
    write(
        f"{kind}.json",
        __file__,
        f"torch.nn.{kind.upper()}, packed ragged batch, input x_t * w_t, loss = sum(h * dH)"
        + (" + sum(cLast * dCLast)" if kind == "lstm" else ""),
        [case(kind, **options, generator=generator) for options in CASES],
    )
