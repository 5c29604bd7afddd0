// Pearson's test of counts against probabilities.

/** The sum of (observed - expected)^2 / expected; cells that cannot occur must be empty. */
export function chiSquare(counts: readonly number[], probabilities: readonly number[]): number {
  const draws = counts.reduce((a, b) => a + b, 0);
  return counts.reduce((sum, count, cell) => {
    const expected = draws * probabilities[cell]!;
    if (expected === 0) return count === 0 ? sum : Number.POSITIVE_INFINITY;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

/** What the sum stays below with a probability of 1 - 1e-6 (Wilson and Hilferty's approximation). */
export function chiSquareLimit(degreesOfFreedom: number): number {
  const k = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - k + 4.753 * Math.sqrt(k)) ** 3;
}
