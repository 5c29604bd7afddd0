// The way of tokens to the experts of their layer and back.
//
// A token that has experts on another node goes there once, to the rank that stands at the same place in that node,
// which passes it on to the ranks that hold the experts: one copy a node over the slow wire (report 3.2.2). What its
// experts make is added up on the way back, within the node first.
// Shape legend: N tokens of this rank, K experts per token, R rows that came to this rank, M (row, expert) pairs here.

import { collectRows, type Exchange, type Group, planExchange, spreadRows } from './exchange.ts';
import { float32Rows, type RowFormat } from './row-format.ts';

/** A part of the way: the group, and the member that an expert lies behind; null: not reached from here. */
export interface Leg {
  readonly group: Group;
  readonly memberOf: (expert: number) => number | null;
}

/** The legs of a rank, and the experts it holds. */
export interface Roads {
  readonly legs: readonly Leg[];
  /** The first expert of this rank, and how many it has. */
  readonly firstExpert: number;
  readonly experts: number;
}

/** The way of the tokens of one layer and micro-batch. */
export interface Travel {
  readonly exchanges: readonly Exchange[];
  readonly K: number;
  /** R. */
  readonly rows: number;
  /** For each pair, its row, and the slot of the row's K experts that it is [M]. */
  readonly rowOf: Int32Array;
  readonly slotOf: Int32Array;
  /** Its expert, counted from the first one here [M]. */
  readonly expertOf: Int32Array;
}

/** Sends word of which experts the tokens have chosen [N, K], so that every rank knows what will come. */
export function planTravel({ legs, firstExpert, experts }: Roads, topkIndices: Int32Array, K: number): Travel {
  const exchanges: Exchange[] = [];
  let chosen: Float32Array = Float32Array.from(topkIndices); // exact below 2^24
  for (const { group, memberOf } of legs) {
    const membersOf = (row: number) => {
      const members = new Set<number>();
      for (let k = 0; k < K; k++) {
        const member = memberOf(chosen[row * K + k]!);
        if (member !== null) members.add(member);
      }
      return members;
    };
    const exchange = planExchange(group, chosen.length / K, membersOf);
    exchanges.push(exchange);
    chosen = spreadRows(exchange, chosen, K, float32Rows);
  }
  const pairs = Array.from(chosen.keys()).filter((i) => {
    return chosen[i]! >= firstExpert && chosen[i]! < firstExpert + experts;
  });
  return {
    exchanges,
    K,
    rows: chosen.length / K,
    rowOf: Int32Array.from(pairs, (i) => Math.floor(i / K)),
    slotOf: Int32Array.from(pairs, (i) => i % K),
    expertOf: Int32Array.from(pairs, (i) => chosen[i]! - firstExpert),
  };
}

/** Rows of tokens [N, width] to the ranks of their experts: one for each pair [M, width]. */
export function toExperts(travel: Travel, tokens: Float32Array, width: number, format: RowFormat): Float32Array {
  const rows = travel.exchanges.reduce<Float32Array>(
    (values, exchange) => spreadRows(exchange, values, width, format),
    tokens,
  );
  const pairs = new Float32Array(travel.rowOf.length * width);
  travel.rowOf.forEach((row, i) => void pairs.set(rows.subarray(row * width, (row + 1) * width), i * width));
  return pairs;
}

/** What the pairs have become [M, width], back to the tokens, added up [N, width]: the gradient of `toExperts`. */
export function fromExperts(travel: Travel, pairs: Float32Array, width: number, format: RowFormat): Float32Array {
  const rows = new Float32Array(travel.rows * width);
  travel.rowOf.forEach((row, i) => {
    for (let j = 0; j < width; j++) rows[row * width + j]! += pairs[i * width + j]!;
  });
  return travel.exchanges.reduceRight<Float32Array>(
    (values, exchange) => collectRows(exchange, values, width, format),
    rows,
  );
}

/** The gates of the tokens [N, K] to the ranks of the experts: that of each pair [M]. */
export function gatesToExperts({ exchanges, K, rowOf, slotOf }: Travel, gates: Float32Array): Float32Array {
  const rows = exchanges.reduce<Float32Array>(
    (values, exchange) => spreadRows(exchange, values, K, float32Rows),
    gates,
  );
  return Float32Array.from(rowOf, (row, i) => rows[row * K + slotOf[i]!]!);
}

/** The gradient of `gatesToExperts`: [M] -> [N, K]. */
export function gatesFromExperts({ exchanges, K, rows, rowOf, slotOf }: Travel, gates: Float32Array): Float32Array {
  const sums = new Float32Array(rows * K);
  rowOf.forEach((row, i) => {
    sums[row * K + slotOf[i]!] = gates[i]!;
  });
  return exchanges.reduceRight<Float32Array>((values, exchange) => collectRows(exchange, values, K, float32Rows), sums);
}
