// Which domain each training row comes from: a fixed cycle in the proportions of the weights.

const maxCycle = 1000;

/** Where row `index` of the training data comes from. */
export interface MixturePlace {
  readonly domain: number;
  /** How many earlier rows came from the same domain. */
  readonly position: number;
}

/**
 * A function from row index to domain, in constant time.
 *
 * The cycle is the shortest that has the exact proportions, or 1000 rows with the nearest ones (every domain at least
 * once). Within it each domain comes as evenly as can be, so that a batch is as mixed as its size allows.
 * Example: weights 2, 1 -> domains 0 1 0 | 0 1 0 | ..., positions 0 0 1 | 2 1 3 | ...
 */
export function createMixture(weights: readonly number[]): (index: number) => MixturePlace {
  const counts = cycleCounts(weights);
  const cycle = spreadEvenly(counts);
  return (index) => {
    const place = cycle[index % cycle.length]!;
    const rounds = Math.floor(index / cycle.length);
    return { domain: place.domain, position: rounds * counts[place.domain]! + place.position };
  };
}

/** Rows of each domain in one cycle. */
function cycleCounts(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => weight / total);
  for (let length = 1; length < maxCycle; length++) {
    const counts = shares.map((share) => Math.round(share * length));
    if (counts.every((count, i) => count > 0 && Math.abs(count - shares[i]! * length) < 1e-9)) return counts;
  }
  return shares.map((share) => Math.max(1, Math.round(share * maxCycle)));
}

/** Always chooses the domain that is furthest behind its share; of equal ones, the first. */
function spreadEvenly(counts: readonly number[]): MixturePlace[] {
  const length = counts.reduce((sum, count) => sum + count, 0);
  const taken = counts.map(() => 0);
  return Array.from({ length }, (_, i) => {
    const behind = counts.map((count, domain) => (count * (i + 1)) / length - taken[domain]!);
    const domain = behind.indexOf(Math.max(...behind));
    return { domain, position: taken[domain]!++ };
  });
}
