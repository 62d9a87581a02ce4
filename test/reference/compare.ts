/** Compares what we got with what we want, and says where they part. */

import { ulpDistance } from "./math.ts";

/** A number, or numbers nested to any depth. */
export type Numbers = number | readonly Numbers[];

/** How far a number may be off: |got − want| ≤ absolute + relative · |want|. */
export interface Tolerance {
  absolute: number;
  relative: number;
}

/** What nine digits in a fixture leave uncertain (5e-9 of each number), and sums in another order. */
export const GOLDEN: Tolerance = { absolute: 1e-12, relative: 6e-9 };

/** What two orders of the same f64 sums may differ by. */
export const ROUNDING: Tolerance = { absolute: 1e-12, relative: 1e-12 };

/**
 * Throws unless every number is within the tolerance. NaN equals only NaN, an infinity only itself, and shapes must match.
 *
 * The error gives the number that is furthest off: `h[t=3,j=17]: got 0.41270942, want 0.4127085, 31 ULP (tolerance …)`.
 *
 * @param name what the numbers are, as the error calls it
 * @param axes a name for each axis, outermost first; further axes are numbered only
 */
export function expectClose(
  name: string,
  axes: readonly string[],
  got: Numbers,
  want: Numbers,
  tolerance: Tolerance,
): void {
  let worst = 0;
  let message = "";
  visit(got, want, []);
  if (message) throw new Error(message);

  function visit(gotHere: Numbers, wantHere: Numbers, indices: number[]): void {
    const place = name + placeOf(axes, indices);
    if (typeof gotHere === "number" && typeof wantHere === "number") {
      const excess = excessOf(gotHere, wantHere, tolerance);
      if (excess > 1 && excess > worst) {
        worst = excess;
        const limit = `tolerance ${tolerance.absolute} + ${tolerance.relative}·|want|`;
        message = `${place}: got ${gotHere}, want ${wantHere}, ${ulpDistance(gotHere, wantHere)} ULP (${limit})`;
      }
      return;
    }
    if (typeof gotHere === "number" || typeof wantHere === "number") {
      throw new Error(`${place}: got ${describe(gotHere)}, want ${describe(wantHere)}`);
    }
    if (gotHere.length !== wantHere.length) {
      throw new Error(`${place}: got ${describe(gotHere)}, want ${describe(wantHere)}`);
    }
    for (let i = 0; i < wantHere.length; i++) visit(gotHere[i], wantHere[i], [...indices, i]);
  }
}

/** Returns |got − want| as a multiple of what is allowed; infinite where no difference is allowed. */
function excessOf(got: number, want: number, tolerance: Tolerance): number {
  if (Object.is(got, want) || got === want) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / (tolerance.absolute + tolerance.relative * Math.abs(want));
}

function placeOf(axes: readonly string[], indices: readonly number[]): string {
  if (indices.length === 0) return "";
  return `[${indices.map((index, axis) => (axis < axes.length ? `${axes[axis]}=${index}` : `${index}`)).join(",")}]`;
}

function describe(value: Numbers): string {
  return typeof value === "number" ? `the number ${value}` : `${value.length} entries`;
}
