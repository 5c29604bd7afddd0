/** Comparison of numbers with numpy's meaning of tolerance; NaN is never close, not even to NaN. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** Throws, naming the worst element, unless `|actual - expected| <= atol + rtol * |expected|` everywhere. */
export function expectAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol }: Tolerance,
  what = 'values',
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} numbers, expected ${expected.length}`);
  }
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = Math.abs(actual[i]! - expected[i]!) - atol - rtol * Math.abs(expected[i]!);
    if (!(excess <= worstExcess)) {
      worst = i;
      worstExcess = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
    }
  }
  if (worst >= 0) {
    const [a, e] = [actual[worst], expected[worst]];
    throw new Error(`${what}: element ${worst} is ${a}, expected ${e} (rtol ${rtol}, atol ${atol})`);
  }
}
