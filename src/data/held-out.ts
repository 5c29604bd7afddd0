// Which documents are kept out of training.

import { hash32 } from './random.ts';

export interface HeldOutSplit {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/**
 * Splits documents by a seeded hash of their text, so that equal documents land on the same side.
 *
 * In the order of their hashes, documents are held out while they fit into `fraction` of the length; if none fits, the
 * shortest one is. At least one document is held out and one is left. A corpus of a single document is cut at the paragraph
 * nearest to the point where its last `fraction` begins, and that end is held out.
 */
export function splitHeldOut(documents: readonly string[], fraction: number, seed: number): HeldOutSplit {
  const distinct = [...new Set(documents)];
  if (distinct.length < 2) return cutDocument(distinct[0] ?? '', fraction);
  const chosen = chooseDocuments(distinct, fraction, seed);
  return {
    train: documents.filter((text) => !chosen.has(text)),
    heldOut: documents.filter((text) => chosen.has(text)),
  };
}

function chooseDocuments(documents: readonly string[], fraction: number, seed: number): Set<string> {
  const hashed = documents.map((text) => ({ text, hash: hash32(seed, 'held-out', text) }));
  hashed.sort((a, b) => a.hash - b.hash);
  let budget = fraction * documents.reduce((sum, text) => sum + text.length, 0);
  const chosen = new Set<string>();
  for (const { text } of hashed) {
    if (text.length > budget || chosen.size === documents.length - 1) continue;
    chosen.add(text);
    budget -= text.length;
  }
  if (chosen.size === 0) chosen.add(documents.reduce((a, b) => (b.length < a.length ? b : a)));
  return chosen;
}

function cutDocument(text: string, fraction: number): HeldOutSplit {
  const target = Math.round((1 - fraction) * text.length);
  const cut = [/\n\s*\n/g, /\n/g, /\s/g, /[^\uD800-\uDBFF]/g]
    .map((separator) => nearestEnd(text, separator, target))
    .find((position) => position !== undefined);
  return { train: [text.slice(0, cut ?? target)], heldOut: [text.slice(cut ?? target)] };
}

/** The end of a separator nearest to the target, with text on both sides of it; undefined if there is none. */
function nearestEnd(text: string, separator: RegExp, target: number): number | undefined {
  const ends = Array.from(text.matchAll(separator), (match) => match.index + match[0].length);
  const inside = ends.filter((end) => text.slice(0, end).trim() !== '' && text.slice(end).trim() !== '');
  if (inside.length === 0) return undefined;
  return inside.reduce((best, end) => (Math.abs(end - target) < Math.abs(best - target) ? end : best));
}
