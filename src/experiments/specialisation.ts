// How differently domains use the experts (F 2.7, Mini). Shape legend: D domains, L layers, E experts.

type Loads = readonly (readonly (readonly number[])[])[]; // [D][L][E] selections

function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (total > 0 ? count / total : 1 / counts.length));
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * KL divergence of each domain's load from the uniform one, in nats, mean over domains and layers: 0 when every domain
 * uses all experts alike, ln(E / K) when each domain has K experts to itself.
 */
export function domainDivergence(loads: Loads): number {
  return mean(
    loads.flatMap((layers) =>
      layers.map((counts) => shares(counts).reduce((sum, p) => sum + (p > 0 ? p * Math.log(p * counts.length) : 0), 0)),
    ),
  );
}

/** Mean total variation between the loads of two domains: 0 if they use the same experts, 1 if they share none. */
export function domainDistance(loads: Loads): number {
  const distances = loads.flatMap((first, i) =>
    loads.slice(i + 1).flatMap((second) => first.map((counts, layer) => totalVariation(counts, second[layer] ?? []))),
  );
  return mean(distances);
}

function totalVariation(a: readonly number[], b: readonly number[]): number {
  const [p, q] = [shares(a), shares(b)];
  return p.reduce((sum, value, expert) => sum + Math.abs(value - (q[expert] ?? 0)), 0) / 2;
}
