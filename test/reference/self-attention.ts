/**
 * Causal multi-head self-attention of one sequence, as torch.nn.MultiheadAttention(D, N, bias=True) under a causal mask
 * (Vaswani et al. 2017, §3.2):
 *
 *     q_t, k_t, v_t = W_in·x_t + b_in          each cut into N heads of K = D/N numbers
 *     z_ti = <q_t, k_i>/√K                     i ≤ t, in every head
 *     p_ti = e^{z_ti} / Σ_{j≤t} e^{z_tj}
 *     y_t  = W_out·[Σ_{i≤t} m_ti·p_ti·v_i] + b_out     m = 1, or dropout: keep/(1 − rate)
 */

import { linearBackward, linearForward } from "./linear.ts";
import { logSumExp } from "./math.ts";
import { addScaled, dot, type Matrix, type Vector, zeroMatrix } from "./tensor.ts";

/** One self-attention. */
export interface SelfAttentionParameters {
  /** `in_proj_weight`, [3·D, D]: rows of q, then k, then v */
  inProjWeight: Matrix;
  /** `in_proj_bias`, [3·D] */
  inProjBias: Vector;
  /** `out_proj.weight`, [D, D] */
  outProjWeight: Matrix;
  /** `out_proj.bias`, [D] */
  outProjBias: Vector;
}

/** Inverted dropout of the probabilities p, with a given mask. */
export interface ProbabilityDropout {
  /** Which are kept, [N][T][T]; only read where i ≤ t. */
  keep: readonly (readonly (readonly boolean[])[])[];
  /** Probability of dropping, in [0, 1). */
  rate: number;
}

/** What a self-attention runs over. */
export interface SelfAttentionInput {
  /** [T, D]; T may be 0 */
  x: Matrix;
  /** Nothing is dropped if left out. */
  dropout?: ProbabilityDropout;
}

/** What a self-attention gives. */
export interface SelfAttentionOutput {
  /** [T, D] */
  y: Matrix;
  /** q, k and v side by side, [T, 3·D] */
  qkv: Matrix;
  /** Probabilities before dropout, [N][T][T], zero where i > t */
  p: Matrix[];
  /** What W_out is applied to: the heads side by side, [T, D] */
  context: Matrix;
}

/** Runs x, [T, D], through; D must be a multiple of `heads`, N. */
export function selfAttentionForward(
  heads: number,
  parameters: SelfAttentionParameters,
  input: SelfAttentionInput,
): SelfAttentionOutput {
  const length = input.x.length;
  const width = parameters.outProjBias.length;
  const size = headSizeOf(heads, width);
  const qkv = linearForward(input.x, parameters.inProjWeight, parameters.inProjBias);
  const context = zeroMatrix(length, width);
  const p: Matrix[] = [];
  for (let n = 0; n < heads; n++) {
    const { q, k, v } = headOf(qkv, n, size, width);
    p[n] = zeroMatrix(length, length);
    for (let t = 0; t < length; t++) {
      const z = k.slice(0, t + 1).map((kI) => dot(q[t], kI) / Math.sqrt(size));
      const logSum = logSumExp(z);
      for (let i = 0; i <= t; i++) {
        p[n][t][i] = Math.exp(z[i] - logSum);
        const kept = p[n][t][i] * factorOf(input.dropout, n, t, i);
        for (let c = 0; c < size; c++) context[t][n * size + c] += kept * v[i][c];
      }
    }
  }
  return { y: linearForward(context, parameters.outProjWeight, parameters.outProjBias), qkv, p, context };
}

/** Gradients of a self-attention, in the shapes of the parameters. */
export interface SelfAttentionGradients {
  /** [T, D] */
  dX: Matrix;
  dInProjWeight: Matrix;
  dInProjBias: Vector;
  dOutProjWeight: Matrix;
  dOutProjBias: Vector;
}

/** Takes dY, [T, D], back. */
export function selfAttentionBackward(
  heads: number,
  parameters: SelfAttentionParameters,
  input: SelfAttentionInput,
  output: SelfAttentionOutput,
  dY: Matrix,
): SelfAttentionGradients {
  const length = input.x.length;
  const width = parameters.outProjBias.length;
  const size = headSizeOf(heads, width);
  // y = W_out·context + b_out
  const toContext = linearBackward(output.context, parameters.outProjWeight, dY);
  const dQkv = zeroMatrix(length, 3 * width);
  for (let n = 0; n < heads; n++) {
    const { q, k, v } = headOf(output.qkv, n, size, width);
    const [dQ, dK, dV] = [zeroMatrix(length, size), zeroMatrix(length, size), zeroMatrix(length, size)];
    for (let t = 0; t < length; t++) {
      const dContext = toContext.dX[t].slice(n * size, (n + 1) * size);
      const p = output.p[n][t].slice(0, t + 1);
      // context_t = Σ_i m_ti·p_ti·v_i
      const dP = p.map((pI, i) => {
        const factor = factorOf(input.dropout, n, t, i);
        addScaled(dV[i], dContext, factor * pI);
        return factor * dot(dContext, v[i]);
      });
      // p_ti = e^{z_ti} / Σ_j e^{z_tj}
      const mean = dot(p, dP);
      for (let i = 0; i <= t; i++) {
        const dZ = p[i] * (dP[i] - mean);
        // z_ti = <q_t, k_i>/√K
        addScaled(dQ[t], k[i], dZ / Math.sqrt(size));
        addScaled(dK[i], q[t], dZ / Math.sqrt(size));
      }
    }
    for (let t = 0; t < length; t++) {
      for (let c = 0; c < size; c++) {
        dQkv[t][n * size + c] = dQ[t][c];
        dQkv[t][width + n * size + c] = dK[t][c];
        dQkv[t][2 * width + n * size + c] = dV[t][c];
      }
    }
  }
  // qkv = W_in·x + b_in
  const toInput = linearBackward(input.x, parameters.inProjWeight, dQkv);
  return {
    dX: toInput.dX,
    dInProjWeight: toInput.dWeight,
    dInProjBias: toInput.dBias,
    dOutProjWeight: toContext.dWeight,
    dOutProjBias: toContext.dBias,
  };
}

/** Cuts the rows of one head out of q, k and v side by side; [T, K] each. */
function headOf(qkv: Matrix, n: number, size: number, width: number): { q: Matrix; k: Matrix; v: Matrix } {
  const cut = (first: number): Matrix => qkv.map((row) => row.slice(first, first + size));
  return { q: cut(n * size), k: cut(width + n * size), v: cut(2 * width + n * size) };
}

function headSizeOf(heads: number, width: number): number {
  if (width % heads !== 0) throw new RangeError(`self-attention: ${heads} heads, expected a divisor of D = ${width}`);
  return width / heads;
}

function factorOf(dropout: ProbabilityDropout | undefined, n: number, t: number, i: number): number {
  if (!dropout) return 1;
  return dropout.keep[n][t][i] ? 1 / (1 - dropout.rate) : 0;
}
