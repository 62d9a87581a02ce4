/** Draws the tensors of blocks and scores, under the names of a model file. */

import type { BlockConfig } from "./block.ts";
import type { Random } from "./random.ts";
import type { ScoreKind } from "./score.ts";
import type { Tensors } from "./tensor.ts";

/**
 * Draws the parameters of a block from [−1, 1), the scale of a norm from [½, 1½).
 *
 * @param inner F, width of the feed-forward sublayer, if there is one
 */
export function blockTensors(random: Random, config: BlockConfig, width: number, inner: number): Tensors {
  const tensors: Tensors = {};
  const addNorm = (name: string): void => {
    if (config.norm === "none") return;
    Object.assign(tensors, normTensors(random, name, width));
  };
  if (config.mixer === "self-attention") {
    tensors["self_attention.in_proj_weight"] = random.matrix(3 * width, width);
    tensors["self_attention.in_proj_bias"] = random.vector(3 * width);
    tensors["self_attention.out_proj.weight"] = random.matrix(width, width);
    tensors["self_attention.out_proj.bias"] = random.vector(width);
  } else {
    const rows = (config.mixer === "gru" ? 3 : 4) * width;
    tensors["recurrence.weight_ih_l0"] = random.matrix(rows, width);
    tensors["recurrence.weight_hh_l0"] = random.matrix(rows, width);
    tensors["recurrence.bias_ih_l0"] = random.vector(rows);
    tensors["recurrence.bias_hh_l0"] = random.vector(rows);
  }
  addNorm("norm1");
  if (config.feedForward) {
    tensors["feed_forward.linear1.weight"] = random.matrix(inner, width);
    tensors["feed_forward.linear1.bias"] = random.vector(inner);
    tensors["feed_forward.linear2.weight"] = random.matrix(width, inner);
    tensors["feed_forward.linear2.bias"] = random.vector(width);
    addNorm("norm2");
  }
  return tensors;
}

/** Draws `name.weight` from [½, 1½) and `name.bias` from [−1, 1), [D] each. */
export function normTensors(random: Random, name: string, width: number): Tensors {
  return {
    [`${name}.weight`]: random.vector(width, 0.5).map((value) => 1 + value),
    [`${name}.bias`]: random.vector(width),
  };
}

/** Draws the parameters of a score, under their names after `attention.score.`. */
export function scoreTensors(random: Random, kind: ScoreKind, inner: number, width: number): Tensors {
  if (kind === "mlp") {
    return {
      w: random.matrix(inner, width),
      u: random.matrix(inner, width),
      b: random.vector(inner),
      v: random.vector(inner, 2),
    };
  }
  return kind === "gaussian" ? { log_sigma: random.vector(1) } : {};
}
