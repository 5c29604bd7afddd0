// Student's t distribution for whole numbers of degrees of freedom, which is all that means over seeds need.

/** The share of verdicts that may be wrong by chance: one minus the level of all intervals. */
export const alpha = 0.05;

/**
 * The probability that Student's t lies beyond `t` on either side of zero.
 *
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4: finite sums in the angle
 * `atan(t / sqrt(df))`. Rounding leaves an absolute error of about 1e-15.
 */
export function twoSidedTail(t: number, degreesOfFreedom: number): number {
  const angle = Math.atan(Math.abs(t) / Math.sqrt(degreesOfFreedom));
  const isOdd = degreesOfFreedom % 2 === 1;
  const cosine = Math.cos(angle);
  let term = isOdd ? cosine : 1;
  let sum = 0;
  for (let k = isOdd ? 1 : 0; k <= degreesOfFreedom - 2; k += 2) {
    sum += term;
    term *= ((k + 1) / (k + 2)) * cosine ** 2;
  }
  const inside = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  return Math.min(1, Math.max(0, 1 - inside));
}

/** The t beyond which `alpha` of the distribution lies, both sides together; infinite without degrees of freedom. */
export function criticalT(degreesOfFreedom: number): number {
  if (degreesOfFreedom < 1) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, 1];
  while (twoSidedTail(high, degreesOfFreedom) > alpha) [low, high] = [high, 2 * high];
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (twoSidedTail(middle, degreesOfFreedom) > alpha) low = middle;
    else high = middle;
  }
  return high;
}
