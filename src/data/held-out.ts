// Which documents are kept out of training.

import { type Documents, isTokenised } from './documents.ts';
import { hash32 } from './random.ts';

export interface HeldOutSplit<D extends Documents = Documents> {
  readonly train: D;
  readonly heldOut: D;
}

/**
 * Splits documents by a seeded hash of their text or ids, so that equal documents land on the same side.
 *
 * In the order of their hashes, documents are held out while they fit into `fraction` of the length; if none fits, the
 * shortest one is. At least one document is held out and one is left. A corpus of a single document is cut, a text at
 * the paragraph nearest to the point where its last `fraction` begins, and that end is held out.
 */
export function splitHeldOut(
  documents: readonly string[],
  fraction: number,
  seed: number,
): HeldOutSplit<readonly string[]>;
export function splitHeldOut(documents: Documents, fraction: number, seed: number): HeldOutSplit;
export function splitHeldOut(documents: Documents, fraction: number, seed: number): HeldOutSplit {
  if (isTokenised(documents)) return splitBy(documents, (ids) => ids.join(' '), cutIds, fraction, seed);
  return splitBy(documents, (text) => text, cutText, fraction, seed);
}

function splitBy<T extends { readonly length: number }>(
  documents: readonly T[],
  keyOf: (document: T) => string,
  cut: (document: T, fraction: number) => { train: T[]; heldOut: T[] },
  fraction: number,
  seed: number,
): { train: T[]; heldOut: T[] } {
  const distinct = new Map(documents.map((document) => [keyOf(document), document]));
  const [first] = documents;
  if (distinct.size < 2 && first !== undefined) return cut(first, fraction);
  const lengths = new Map([...distinct].map(([key, { length }]) => [key, length]));
  const chosen = chooseDocuments(lengths, fraction, seed);
  return {
    train: documents.filter((document) => !chosen.has(keyOf(document))),
    heldOut: documents.filter((document) => chosen.has(keyOf(document))),
  };
}

/** The keys of the documents that are held out. */
function chooseDocuments(lengths: ReadonlyMap<string, number>, fraction: number, seed: number): Set<string> {
  const hashed = [...lengths].map(([key, length]) => ({ key, length, hash: hash32(seed, 'held-out', key) }));
  hashed.sort((a, b) => a.hash - b.hash);
  let budget = fraction * hashed.reduce((sum, { length }) => sum + length, 0);
  const chosen = new Set<string>();
  for (const { key, length } of hashed) {
    if (length > budget || chosen.size === lengths.size - 1) continue;
    chosen.add(key);
    budget -= length;
  }
  if (chosen.size === 0) chosen.add([...lengths].reduce((a, b) => (b[1] < a[1] ? b : a))[0]);
  return chosen;
}

function cutIds(ids: Int32Array, fraction: number): { train: Int32Array[]; heldOut: Int32Array[] } {
  const cut = Math.min(ids.length - 1, Math.max(1, Math.round((1 - fraction) * ids.length)));
  return { train: [ids.slice(0, cut)], heldOut: [ids.slice(cut)] };
}

function cutText(text: string, fraction: number): { train: string[]; heldOut: string[] } {
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
