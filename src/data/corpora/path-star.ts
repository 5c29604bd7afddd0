// Path-star graphs: several paths lead away from one node, and the one that ends in a given goal is to be written down.
// Only the end of a path says which it is, so its first step is a guess to whoever does not look ahead (arXiv
// 2403.06963).
//
// Example, with two paths of two steps: `kb af ak fx|a>b=kb`. The paths from `a` are k-b and f-x, and the goal is `b`.

import { createRandom, permutation, type Random } from '../random.ts';

const defaultBytes = 600_000;
const graphsPerDocument = 12;
const pathCount = 3;
const steps = 3;
const alphabet = 'abcdefghijklmnopqrstuvwxyz';

/** `number` makes the order of the letters and of the edges this graph's own. */
function graph(random: Random, number: number): string {
  const letters = Array.from(permutation(alphabet.length, 'path-star nodes', number), (i) => alphabet.charAt(i));
  const start = letters[0] ?? '';
  const paths = Array.from({ length: pathCount }, (_, p) => letters.slice(1 + p * steps, 1 + (p + 1) * steps));
  const edges = paths.flatMap((path) => path.map((node, i) => `${i === 0 ? start : path[i - 1]}${node}`));
  const shuffled = Array.from(permutation(edges.length, 'path-star edges', number), (i) => edges[i]);
  const chosen = paths[random.below(pathCount)] ?? [];
  return `${shuffled.join(' ')}|${start}>${chosen.at(-1)}=${chosen.join('')}\n`;
}

/** Documents of 12 graphs, until they hold at least `minBytes` bytes; a function of nothing but that. */
export function generatePathStar(minBytes = defaultBytes): string[] {
  const documents: string[] = [];
  for (let bytes = 0; bytes < minBytes; bytes += documents.at(-1)!.length) {
    const first = documents.length * graphsPerDocument;
    const random = createRandom('path-star', documents.length);
    documents.push(Array.from({ length: graphsPerDocument }, (_, i) => graph(random, first + i)).join(''));
  }
  return documents;
}
