"""combinations.json: whole models for every score × interest × normalisation × cell × activation, blocks, and heads.

A gradient is written as three numbers, its digest, so that every combination fits: see `digest`.
"""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from attention import Attention
from fixture import GRID, as_bytes, as_floats, normal, on_grid, uniform, write
from layers import Block

ITEMS, USERS, FEATURES, STEPS = 17, 4, 5, 10
# Three vectors of four and a tail, in either width.
EMBEDDING, HIDDEN = 13, 14
# One position more than the longest history.
WINDOW = 7
OPTIMIZER = {"learningRate": 0.01, "weightDecay": 0.05, "clip": 1}

# In no order of length; an item repeated within a history and between them, one item (16) that is only a target; a user twice,
# one alone, two histories of nobody, users 1 and 3 without any.
INPUTS = [[1, 0, 4, 9], [3, 7, 3, 0, 11, 5], [15], [10, 6, 3], [14, 12, 13, 8, 2]]
TARGETS = [[0, 4, 9, 2], [7, 3, 0, 11, 5, 12], [7], [6, 3, 8], [12, 13, 8, 2, 16]]
OWNERS = [2, None, 0, 2, None]

generator = torch.Generator().manual_seed(31)


def below_one(tensor):
    """What one signed byte can hold."""
    return tensor.clamp(-(GRID - 1) / GRID, (GRID - 1) / GRID)


FEATURE_ROWS = [below_one(normal(generator, len(inputs), FEATURES, scale=0.5)) for inputs in INPUTS]
RATINGS = [[float(torch.randint(2, 11, (1,), generator=generator)) / 2 for _ in inputs] for inputs in INPUTS]
CLICKS = [[int(torch.randint(0, 2, (1,), generator=generator)) for _ in inputs] for inputs in INPUTS]
BATCH = [
    {"inputs": i, "targets": t, "user": u, "ratings": r, "clicks": c, "features": as_bytes(f)}
    for i, t, u, r, c, f in zip(INPUTS, TARGETS, OWNERS, RATINGS, CLICKS, FEATURE_ROWS)
]

# Numbers of size 1/2 to 1, with either sign. Two lists of lengths without a common factor, each repeated as often as needed.
PROBES = [
    on_grid((torch.rand(size, generator=generator) + 1) / 2 * (GRID - 1) / GRID)
    * (torch.randint(0, 2, (size,), generator=generator) * 2 - 1)
    for size in [251, 241]
]


def digest(tensor):
    """The norm and two weighted sums. An entry that is wrong by e moves each sum by e/2 or more; entries that change places, too."""
    flat = tensor.detach().flatten()
    sums = [(flat * probe.repeat(len(flat) // len(probe) + 1)[: len(flat)]).sum() for probe in PROBES]
    return [float(number) for number in [flat.norm(), *sums]]


class Head(nn.Module):
    """A rating, or the logit of a click, of an item after a history."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))
        self.item_bias = nn.Parameter(torch.zeros(ITEMS))

    def forward(self, y, items, table):
        return self.bias + self.item_bias[items] + (y * table[items]).sum(1)


class Model(nn.Module):
    """The composition of src/README.md; settings under the names of src/model/config.ts."""

    def __init__(self, settings, items):
        super().__init__()
        self.settings = settings
        width, hidden = settings["embedding"], settings["hidden"]
        if items:
            self.embedding = nn.Embedding(ITEMS, width)
        if settings.get("positions") == "learned":
            self.positions = nn.Embedding(WINDOW, width)
        if settings.get("inputNorm") == "layer":
            self.input_norm = nn.LayerNorm(width)
        if settings.get("features"):
            self.feature_projection = nn.Linear(FEATURES, width)
        if settings["interest"] != "none":
            self.attention = Attention(settings, width, USERS)
        attends = settings.get("mixer") == "self-attention"
        block = {
            "mixer": "self-attention" if attends else settings["cell"],
            "heads": settings.get("heads"),
            "activation": settings.get("activation", "tanh"),
            "residual": settings.get("residual", "none"),
            "norm": settings.get("norm", "none"),
            "feedForward": settings["feedForwardActivation"] if settings.get("feedForward") else None,
        }
        self.blocks = nn.ModuleList([Block(block, width, settings.get("feedForward", 0) * hidden, hidden)])
        if block["norm"] == "pre":
            self.output_norm = nn.LayerNorm(hidden)
        if settings.get("features"):
            self.head = nn.Linear(hidden, 1)
            return
        if width != hidden:
            self.projection = nn.Linear(hidden, width, bias=False)
        if settings["task"] != "next":
            self.head = Head()

    def encode(self, b):
        """y of each step, and the weights."""
        x = self.embedding(torch.tensor(INPUTS[b])) if hasattr(self, "embedding") else 0
        if self.settings.get("embeddingScale") == "width":
            x = x * self.settings["embedding"] ** 0.5
        if hasattr(self, "feature_projection"):
            x = x + self.feature_projection(FEATURE_ROWS[b])
        if hasattr(self, "positions"):
            x = x + self.positions(torch.arange(WINDOW - len(INPUTS[b]), WINDOW))
        if hasattr(self, "input_norm"):
            x = self.input_norm(x)
        weights = self.attention(x, OWNERS[b]) if hasattr(self, "attention") else None
        y = self.blocks[0](x, weights)
        if hasattr(self, "output_norm"):
            y = self.output_norm(y)
        return self.projection(y) if hasattr(self, "projection") else y, weights

    def trains_last(self):
        """Whether only the last step of a history is trained: weights that see the whole of it, or one label for all of it."""
        sees_all = self.settings["interest"] != "none" and self.settings["normalize"] == "sequence"
        return sees_all or self.settings.get("features", 0) > 0

    def run(self):
        """The mean loss, y and weights of each history, and what a head says after its last step."""
        task = self.settings["task"]
        ys, weights, predicted, losses = [], [], [], []
        for b, targets in enumerate(TARGETS):
            y, w = self.encode(b)
            ys.append(y[-1])
            weights.append(w)
            first = len(y) - 1 if self.trains_last() else 0
            wanted = torch.tensor(targets)[first:]
            if task == "next":
                losses.append(cross_entropy(y[first:] @ self.embedding.weight.T, wanted, reduction="none"))
                continue
            if isinstance(self.head, nn.Linear):
                scores = self.head(y[first:])[:, 0]
            else:
                scores = self.head(y[first:], wanted, self.embedding.weight)
            labels = torch.tensor((RATINGS if task == "rating" else CLICKS)[b][first:]).double()
            loss = mse_loss if task == "rating" else binary_cross_entropy_with_logits
            losses.append(loss(scores, labels, reduction="none"))
            predicted.append(scores[-1] if task == "rating" else torch.sigmoid(scores[-1]))
        return torch.cat(losses).mean(), ys, weights, predicted


def fill(name, shape):
    """A value for a tensor; the same name and shape have the same value in every run of a case."""
    if name.startswith(("embedding", "positions", "attention")):
        return below_one(normal(generator, *shape, scale=0.5))
    if "norm" in name and name.endswith("weight"):
        return on_grid(0.75 + uniform(generator, *shape, bound=0.25) * (GRID - 1) / GRID)
    return below_one(uniform(generator, *shape, bound=0.5))


def start(model, tensors):
    for name, parameter in model.named_parameters():
        if name not in tensors:
            tensors[name] = fill(name, parameter.shape)
        parameter.data = tensors[name].clone()


def gradients_of(model):
    """The gradient of each parameter; none of them may be zero."""
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    for name, gradient in found.items():
        assert gradient.norm() > 1e-5, f"{model.settings}: nothing reaches {name}"
    return found


def train(model):
    """Ten steps of AdamW under a clipped norm."""
    options = {"lr": OPTIMIZER["learningRate"], "weight_decay": OPTIMIZER["weightDecay"]}
    optimizer = torch.optim.AdamW(model.parameters(), **options)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model.run()[0]
        loss.backward()
        losses.append(loss)
        norms.append(nn.utils.clip_grad_norm_(list(model.parameters()), OPTIMIZER["clip"]))
        optimizer.step()
    final = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for name, value in final.items():
        if name.endswith("in_proj_bias"):
            # The bias of k changes nothing: Adam moves it by the rounding of a gradient that is zero.
            value.chunk(3)[1].zero_()
    return {"losses": losses, "norms": norms, "final": final}


def digests_of(tensors):
    """The digests of a list of tensors, one after the other."""
    return as_floats([number for tensor in tensors for number in digest(tensor)])


def case(name, common, runs, items=True, trained=False):
    """Runs of models that share settings, and the values of the tensors they have in common."""
    tensors, made = {}, []
    for own in runs:
        model = Model({"task": "next", **common, **own}, items)
        start(model, tensors)
        loss, ys, weights, predicted = model.run()
        loss.backward()
        run = {"settings": own, "loss": loss}
        if predicted:
            run["predicted"] = predicted
        seen = [torch.cat(ys)] + ([] if weights[0] is None else [torch.cat(weights)])
        gradients = gradients_of(model)
        if trained:
            run["training"] = train(model)
        made.append((run, seen, gradients))
    # Only now is the order of all tensors known.
    for run, seen, gradients in made:
        names = [key for key in tensors if key in gradients]
        run["digests"] = digests_of(seen + [gradients[key] for key in names])
        if trained:
            run["training"]["final"] = digests_of([run["training"]["final"][key] for key in names])
    settings = {**common, **OPTIMIZER} if trained else common
    values = {key: as_bytes(value) for key, value in tensors.items()}
    return {"name": name, "settings": settings, "tensors": values, "runs": [run for run, _, _ in made]}


SCORES = [{"score": "dot"}, {"score": "mlp"}, {"score": "gaussian", "sigma": 0}, {"score": "gaussian", "sigma": 1.5}]
INTERESTS = ["learned", "last", "mean", "user"]
NORMALIZATIONS = ["causal", "sequence"]
ACTIVATIONS = ["tanh", "relu"]
CELLS = ["gru", "lstm"]
FORWARDS = [
    {"feedForward": 0},
    {"feedForward": 1, "feedForwardActivation": "relu"},
    {"feedForward": 1, "feedForwardActivation": "gelu"},
]
WRAPS = [{"residual": residual, "norm": norm} for residual in ["none", "add"] for norm in ["none", "pre", "post"]]
WIDE = {"embedding": HIDDEN, "hidden": HIDDEN}


def attentive(c, cell):
    """Every score × interest × normalisation × activation. The scale takes turns: any four of the five meet either scale."""
    runs = []
    for a, activation in enumerate(ACTIVATIONS):
        runs.append({"interest": "none", "activation": activation})
        for s, score in enumerate(SCORES):
            for i, interest in enumerate(INTERESTS):
                for n, normalize in enumerate(NORMALIZATIONS):
                    scale = ["length", "none"][(c + a + s + i + n) % 2]
                    own = {"interest": interest, "normalize": normalize, "scale": scale, "activation": activation}
                    runs.append({**score, **own})
    return case(cell, {"cell": cell, "embedding": EMBEDDING, "hidden": HIDDEN}, runs)


LEARNED = {"interest": "learned", "normalize": "causal", "scale": "length", "score": "dot"}
ATTENDING = {"mixer": "self-attention", "heads": 2, "positions": "learned", "interest": "none", "window": WINDOW, **WIDE}
LSTM_RELU = {"cell": "lstm", "activation": "relu", "interest": "none", "features": FEATURES}
NORMED_FEATURES = {"cell": "gru", "features": FEATURES, "inputNorm": "layer"}
APART = {"embedding": EMBEDDING, "hidden": HIDDEN}
OF_ALL = {"interest": "mean", "normalize": "sequence", "scale": "length", "score": "mlp"}
PRE_GELU = {"residual": "add", "norm": "pre", "feedForward": 1, "feedForwardActivation": "gelu"}

cases = [attentive(c, cell) for c, cell in enumerate(CELLS)]
cases.append(case("self-attention blocks", ATTENDING, [{**wrap, **forward} for wrap in WRAPS for forward in FORWARDS]))
for c, cell in enumerate(CELLS):
    # The feed-forward sublayers take turns: self-attention has them all.
    runs = [{**wrap, **FORWARDS[(c + 1 + w + w // 3) % 3]} for w, wrap in enumerate(WRAPS)]
    cases.append(case(f"{cell} blocks", {"cell": cell, **LEARNED, **WIDE}, runs))
HEADS = [
    ("heads of items: gru, learned interest, causal", {"cell": "gru", **LEARNED, **APART}, True),
    ("heads of items: lstm, mean interest, mlp, sequence", {"cell": "lstm", **OF_ALL, **APART}, True),
    ("heads of items: self-attention, pre, gelu, scaled", {**ATTENDING, **PRE_GELU, "embeddingScale": "width"}, True),
    ("heads of features alone: lstm with relu", {**LSTM_RELU, **APART}, False),
    ("heads of features and items: gru, learned interest, input norm", {**NORMED_FEATURES, **LEARNED, **APART}, True),
]
for name, common, items in HEADS:
    cases.append(case(name, common, [{"task": "rating"}, {"task": "click"}], items, trained=True))

write(
    "combinations.json",
    __file__,
    "losses, outputs, weights and gradients of whole models as digests (norm, two weighted sums); heads: ten steps of AdamW",
    cases,
    items=ITEMS,
    users=USERS,
    batch=BATCH,
    probes=[as_bytes(probe) for probe in PROBES],
)
