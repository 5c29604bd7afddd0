// A small language in which three uses of attention are told apart: finding by content, finding the latest, and looking
// back by an exact distance. Everything is text; `long-context/recall-tokenizer.ts` reads it with one token for each
// of its signs.
//
//   k3   the key k now has the value 3: one token, lost in noise
//   K3   a question and its answer, at the end of the text: what is the value of k?
//   @t   after the mark comes the sign that stood 3 places before it, t
//
// A key that was given a value `once` is found by its content alone. For the `latest` of several values the order
// counts, over any distance. `local` needs exact short distances, which is what is lost where positions are squeezed.

import type { Random } from '../../data/random.ts';

export const keys = [...'abcdefghijklmnop'];
export const values = [...'01234567'];
export const noise = [...'qrstuvwxyz.,;:+-'];
export const mark = '@';
const distance = 3;

export type RecallKind = 'once' | 'latest' | 'local';

/** A sign that follows from what came before it. */
export interface RecallLabel {
  /** Its place among the signs. */
  readonly at: number;
  readonly kind: RecallKind;
}

/** A text of the language, sign by sign; what is not in `labels` cannot be predicted. */
export interface RecallRow {
  readonly signs: readonly string[];
  readonly labels: readonly RecallLabel[];
}

export interface RecallOptions {
  /** Signs of a row. */
  readonly length: number;
  /** Keys that are given values, and asked for at the end. */
  readonly pairs: number;
  /** Share of the keys with one or two older values. */
  readonly olderShare: number;
  /** Marks. */
  readonly marks: number;
  /** Where the value of a single pair stands, from 0 for the start to 1 for the last place; absent: anywhere. */
  readonly depth?: number;
}

/** What the studies and the tasks use unless they say otherwise. */
export const usualRecall = { pairs: 6, olderShare: 0.5, marks: 6 } as const;

/** A single pair in noise, at a depth: the needle in the haystack. */
export const needle = { pairs: 1, olderShare: 0, marks: 6 } as const;

/** Places of a row, given out once each. */
interface Places {
  /**
   * A free place below `limit`; the one `before` it and the `after` next ones are free as well. Null if none is found.
   */
  take(limit: number, before?: number, after?: number): number | null;
  /** Takes a certain place. */
  claim(at: number): number;
}

function createPlaces(random: Random): Places {
  const used = new Set<number>();
  return {
    take: (limit, before = 0, after = 0) => {
      for (let tries = 0; tries < 200; tries++) {
        const at = before + random.below(limit - before - after);
        const wanted = [at - before, ...Array.from({ length: after + 1 }, (_, i) => at + i)];
        if (wanted.some((place) => used.has(place))) continue;
        for (const place of wanted) used.add(place);
        return at;
      }
      return null;
    },
    claim: (at) => {
      used.add(at);
      return at;
    },
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * A row of the language: noise with pairs and marks in it, then the questions with their answers, in random order.
 *
 * Example, 12 signs, 1 pair, 1 mark, spaces added: `r a5 x q ; @ x t . u A 5`.
 *
 * @throws Error if the row is too short for its pairs.
 */
export function recallRow(options: RecallOptions, random: Random): RecallRow {
  const { length, pairs, olderShare, marks, depth } = options;
  const body = length - 2 * pairs;
  const signs = Array.from({ length }, () => noise[random.below(noise.length)]!);
  const labels: RecallLabel[] = [];
  const places = createPlaces(random);
  const asked = shuffled(keys, random)
    .slice(0, pairs)
    .map((key) => {
      const times = random.next() < olderShare ? 2 + random.below(2) : 1;
      const at = Array.from({ length: times }, () =>
        depth === undefined ? places.take(body) : places.claim(Math.round(depth * (body - 1))),
      ).map((place) => {
        if (place === null) throw new Error(`internal: ${pairs} pairs do not fit into ${length} signs`);
        return place;
      });
      at.sort((a, b) => a - b);
      const given = at.map((place) => {
        const value = values[random.below(values.length)]!;
        signs[place] = key + value;
        return value;
      });
      return { key, value: given.at(-1)!, kind: times > 1 ? ('latest' as const) : ('once' as const) };
    });
  for (let i = 0; i < marks; i++) {
    const at = places.take(body, distance, 1);
    if (at === null) continue;
    signs[at] = mark;
    signs[at + 1] = signs[at - distance]!;
    labels.push({ at: at + 1, kind: 'local' });
  }
  for (const [i, { key, value, kind }] of shuffled(asked, random).entries()) {
    signs[body + 2 * i] = key.toUpperCase();
    signs[body + 2 * i + 1] = value;
    labels.push({ at: body + 2 * i + 1, kind });
  }
  return { signs, labels: labels.sort((a, b) => a.at - b.at) };
}
