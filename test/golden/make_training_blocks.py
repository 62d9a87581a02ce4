"""training-blocks.json: whole tiny models of blocks, ten Adam steps on the batch of training.json. One table, D = H = 8."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from attention import Attention
from fixture import normal, uniform, write
from layers import Block

ITEMS, WIDTH, STEPS = 13, 8, 10
WINDOW = 7  # one position more than the longest history: the first, which has no gradient and must not move
OPTIMIZER = {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0, "maxNorm": 5.0}

# Longest first, an item repeated within a sequence and between them, one item (12) that is only a target.
BATCH = [
    {"inputs": [3, 7, 3, 0, 11, 5], "targets": [7, 3, 0, 11, 5, 12]},
    {"inputs": [1, 0, 4, 9], "targets": [0, 4, 9, 2]},
    {"inputs": [10, 6, 3], "targets": [6, 3, 8]},
    {"inputs": [5], "targets": [7]},
]

PLAIN = {"residual": "none", "norm": "none", "feedForward": None}
PRE = {"residual": "add", "norm": "pre"}
POST = {"residual": "add", "norm": "post", "feedForward": None}
MODELS = [
    {
        "name": "sasrec",
        "blocks": [{"mixer": "self-attention", "heads": 2, **PRE, "feedForward": "relu"}] * 2,
        "inner": WIDTH,
        "attention": None,
        "positions": "all",
        "learnedPositions": True,
        "outputNorm": True,
    },
    {
        "name": "attune",
        "blocks": [{"mixer": "gru", **PRE, "feedForward": "gelu"}] * 2,
        "inner": 4 * WIDTH,
        "attention": {"interest": "learned", "normalize": "causal", "scale": "length"},
        "positions": "all",
        "learnedPositions": False,
        "outputNorm": True,
    },
    {
        "name": "post-lstm",
        "blocks": [{"mixer": "lstm", **POST}] * 2,
        "inner": None,
        "attention": None,
        "positions": "all",
        "learnedPositions": False,
        "outputNorm": False,
    },
    {
        "name": "mlp-gru",
        "blocks": [{"mixer": "gru", **PLAIN}],
        "inner": None,
        "attention": {"interest": "last", "normalize": "causal", "scale": "length", "score": "mlp"},
        "positions": "all",
        "learnedPositions": False,
        "outputNorm": False,
    },
    {
        "name": "gaussian-lstm-relu",
        "blocks": [{"mixer": "lstm", "activation": "relu", **PLAIN}],
        "inner": None,
        "attention": {"interest": "mean", "normalize": "sequence", "scale": "length", "score": "gaussian"},
        "positions": "last",
        "learnedPositions": False,
        "outputNorm": False,
    },
]


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.trained = config["positions"]
        self.embedding = nn.Embedding(ITEMS, WIDTH)
        if config["learnedPositions"]:
            self.positions = nn.Embedding(WINDOW, WIDTH)
        if config["attention"]:
            self.attention = Attention(config["attention"], WIDTH)
        self.blocks = nn.ModuleList(Block(block, WIDTH, config["inner"]) for block in config["blocks"])
        if config["outputNorm"]:
            self.output_norm = nn.LayerNorm(WIDTH)

    def forward(self, inputs):
        x = self.embedding(torch.tensor(inputs))
        if hasattr(self, "positions"):
            x = x + self.positions(torch.arange(WINDOW - len(inputs), WINDOW))
        weights = self.attention(x) if hasattr(self, "attention") else None
        for index, block in enumerate(self.blocks):
            x = block(x, weights if index == 0 else None)
        return self.output_norm(x) if hasattr(self, "output_norm") else x

    def loss(self):
        h, targets = [], []
        for sequence in BATCH:
            first = len(sequence["inputs"]) - 1 if self.trained == "last" else 0
            h.append(self(sequence["inputs"])[first:])
            targets += sequence["targets"][first:]
        return cross_entropy(torch.cat(h) @ self.embedding.weight.T, torch.tensor(targets))


def fill(model, generator):
    for name, parameter in model.named_parameters():
        if name.startswith(("embedding", "positions", "attention")):
            parameter.data = normal(generator, *parameter.shape, scale=0.5)
        else:
            parameter.data = uniform(generator, *parameter.shape, bound=0.375)
        if "norm" in name and name.endswith("weight"):
            parameter.data += 1
    for block in model.blocks:
        if block.config["mixer"] == "lstm":
            block.recurrence.bias_ih_l0.data[WIDTH : 2 * WIDTH] = 1.0  # forget bias 1 (design.md §1)


def case(config, generator):
    model = Model(config)
    fill(model, generator)
    parameters = dict(model.named_parameters())
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
        loss = model.loss()
        loss.backward()
        if gradients is None:
            gradients = {key: value.grad.tolist() for key, value in parameters.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(list(parameters.values()), OPTIMIZER["maxNorm"]))
        optimizer.step()
        losses.append(loss)
    result = {"name": config["name"], "items": ITEMS, "width": WIDTH}
    result.update({key: value for key, value in config.items() if key not in ("name", "inner")})
    result.update({"optimizer": OPTIMIZER, "batch": BATCH, "losses": losses, "norms": norms, "initial": initial})
    return {**result, "firstGradients": gradients, "final": parameters}


generator = torch.Generator().manual_seed(24)
write(
    "training-blocks.json",
    __file__,
    "ten training steps of whole tiny models of blocks on one ragged batch; losses and norms are before the step, norms before clipping",
    [case(model, generator) for model in MODELS],
)
