"""training.json: whole tiny models, ten Adam steps on one batch. Input embedding and output scores share one table (D = H = 8)."""

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

from attention import interest_of, weights_of
from fixture import normal, uniform, write

ITEMS, WIDTH, STEPS = 13, 8, 10
OPTIMIZER = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0, "maxNorm": 5.0}

# Longest first, an item repeated within a sequence and between them, one item (12) that is only a target.
BATCH = [
    {"inputs": [3, 7, 3, 0, 11, 5], "targets": [7, 3, 0, 11, 5, 12]},
    {"inputs": [1, 0, 4, 9], "targets": [0, 4, 9, 2]},
    {"inputs": [10, 6, 3], "targets": [6, 3, 8]},
    {"inputs": [5], "targets": [7]},
]

LEARNED = {"interest": "learned", "scale": "length"}
MODELS = [
    ("gru", ["gru"], None, "all"),
    ("lstm", ["lstm"], None, "all"),
    ("attentive-gru", ["gru"], {**LEARNED, "normalize": "causal"}, "all"),
    ("attentive-lstm", ["lstm"], {**LEARNED, "normalize": "sequence"}, "last"),
    ("stacked-gru", ["gru", "gru"], None, "all"),
]


def loss_of(parameters, layers, attention, positions):
    embedding = parameters["embedding.weight"]
    rows = []
    for sequence in BATCH:
        x = embedding[torch.tensor(sequence["inputs"])]
        if attention:
            u = interest_of("learned", attention["normalize"], x, parameters["attention.interest"])
            x = x * weights_of(attention["normalize"], attention["scale"], x, u)[:, None]
        rows.append(x)
    packed = pack_sequence(rows)
    for layer in layers:
        packed, _ = layer(packed)
    padded, lengths = pad_packed_sequence(packed, batch_first=True)
    h, targets = [], []
    for b, length in enumerate(lengths.tolist()):
        first = length - 1 if positions == "last" else 0
        h.append(padded[b, first:length])
        targets += BATCH[b]["targets"][first:]
    return cross_entropy(torch.cat(h) @ embedding.T, torch.tensor(targets))


def case(name, blocks, attention, positions, generator):
    parameters = {"embedding.weight": torch.nn.Parameter(normal(generator, ITEMS, WIDTH, scale=0.5))}
    if attention:
        parameters["attention.interest"] = torch.nn.Parameter(normal(generator, WIDTH, scale=0.5))
    layers = []
    for index, kind in enumerate(blocks):
        layer = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(WIDTH, WIDTH)
        for key, parameter in layer.named_parameters():
            parameter.data = uniform(generator, *parameter.shape, bound=0.375)
            if kind == "lstm" and key == "bias_ih_l0":
                parameter.data[WIDTH : 2 * WIDTH] = 1.0  # forget bias 1 (design.md §1)
            parameters[f"blocks.{index}.recurrence.{key}"] = parameter
        layers.append(layer)
    initial = {key: value.tolist() for key, value in parameters.items()}
    optimizer = torch.optim.Adam(
        parameters.values(),
        lr=OPTIMIZER["learningRate"],
        betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"],
    )
    losses, norms, gradients = [], [], None
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(parameters, layers, attention, positions)
        loss.backward()
        if gradients is None:
            gradients = {key: value.grad.tolist() for key, value in parameters.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(list(parameters.values()), OPTIMIZER["maxNorm"]))
        optimizer.step()
        losses.append(loss)
    return {
        "name": name,
        "items": ITEMS,
        "width": WIDTH,
        "blocks": blocks,
        "attention": attention,
        "positions": positions,
        "optimizer": OPTIMIZER,
        "batch": BATCH,
        "losses": losses,
        "norms": norms,
        "initial": initial,
        "firstGradients": gradients,
        "final": dict(parameters),
    }


generator = torch.Generator().manual_seed(17)
write(
    "training.json",
    __file__,
    "ten training steps of whole tiny models on one ragged batch; losses and norms are before the step, norms before clipping",
    [case(*model, generator) for model in MODELS],
)
