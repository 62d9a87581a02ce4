"""blocks.json: a block of every mixer × residual × norm, without a feed-forward sublayer, with relu, and with gelu, in turn."""

import torch
from torch import nn

from fixture import normal, uniform, write
from layers import Block, causal_mask

WIDTH, INNER, HEADS = 6, 10, 2
LENGTHS = [4, 2]
FEED_FORWARD = [None, "relu", "gelu"]
WRAPS = [(residual, norm) for residual in ["none", "add"] for norm in ["none", "pre", "post"]]


def fill(block, generator):
    for name, parameter in block.named_parameters():
        parameter.data = uniform(generator, *parameter.shape, bound=0.5)
        if name.startswith("norm") and name.endswith("weight"):
            parameter.data += 1


def check_against_torch(block, x):
    """A residual block of self-attention and a feed-forward net is torch's own encoder layer."""
    config = block.config
    before = config["norm"] == "pre"
    activation = "relu" if config["feedForward"] == "relu" else lambda rows: nn.functional.gelu(rows, approximate="tanh")
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout=0, activation=activation, norm_first=before)
    names = {"self_attention.": "self_attn.", "feed_forward.": ""}
    state = block.state_dict()
    for ours, theirs in names.items():
        state = {name.replace(ours, theirs): value for name, value in state.items()}
    layer.load_state_dict(state)
    y = layer(x[:, None], src_mask=causal_mask(len(x)))[:, 0]
    assert torch.allclose(y, block(x), rtol=0, atol=1e-13), config


generator = torch.Generator().manual_seed(23)
cases = []
checked = 0
for index, mixer in enumerate(["gru", "lstm", "self-attention"]):
    attends = mixer == "self-attention"
    # Parameters of the fullest block; each run uses those that it has.
    full = {"mixer": mixer, "residual": "add", "norm": "pre", "feedForward": "relu"}
    everything = Block({**full, "heads": HEADS}, WIDTH, INNER)
    fill(everything, generator)
    x = [normal(generator, length, WIDTH) for length in LENGTHS]
    weights = None if attends else [uniform(generator, length) + 1.25 for length in LENGTHS]
    d_y = [uniform(generator, length, WIDTH) for length in LENGTHS]
    case = {"parameters": {name: value.tolist() for name, value in everything.named_parameters()}}
    case.update({"x": x, "weights": weights, "dY": d_y, "runs": []})
    for number, (residual, norm) in enumerate(WRAPS):
        config = {"mixer": mixer, "residual": residual, "norm": norm, "feedForward": FEED_FORWARD[(number + index) % 3]}
        if attends:
            config["heads"] = HEADS
        block = Block(config, WIDTH, INNER)
        block.load_state_dict({name: everything.state_dict()[name] for name in block.state_dict()})
        if attends and residual == "add" and norm != "none" and config["feedForward"]:
            check_against_torch(block, x[0])
            checked += 1
        run = {"config": config, "y": [], "dX": [], "dWeights": None if attends else []}
        for b, length in enumerate(LENGTHS):
            leaf = x[b].clone().requires_grad_()
            w = None if attends else weights[b].clone().requires_grad_()
            y = block(leaf, w)
            (y * d_y[b]).sum().backward()
            run["y"].append(y)
            run["dX"].append(leaf.grad)
            if not attends:
                run["dWeights"].append(w.grad)
        run["gradients"] = {name: parameter.grad for name, parameter in block.named_parameters()}
        case["runs"].append(run)
    cases.append(case)

assert checked > 0
write("blocks.json", __file__, "one block over one sequence at a time, loss = sum(y * dY), gradients summed over sequences", cases)
