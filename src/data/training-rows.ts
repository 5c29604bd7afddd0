// The training rows of one domain, epoch after epoch, each epoch in an order of its own.

import { countRows, type StreamPart, type TokenStream } from './packing.ts';
import { hash32, permutation } from './random.ts';

/**
 * A function from position to row: position `p` is row `p % rows` of epoch `floor(p / rows)`, in that epoch's seeded
 * order, so an epoch has every row once.
 *
 * The stream is rarely a whole number of rows. What is left over, less than a row, is cut off in part at the beginning
 * and in part at the end, differently each epoch, so that all of the text is seen.
 */
export function createTrainingRows(
  stream: TokenStream,
  seqLen: number,
  seed: number,
  domain: string,
): (position: number) => StreamPart {
  const rows = countRows(stream, seqLen);
  const leftOver = stream.length - 1 - rows * seqLen;
  let cached: { epoch: number; order: Uint32Array } = { epoch: -1, order: new Uint32Array() };
  const orderOf = (epoch: number): Uint32Array => {
    if (cached.epoch !== epoch) cached = { epoch, order: permutation(rows, seed, domain, 'rows', epoch) };
    return cached.order;
  };
  return (position) => {
    const epoch = Math.floor(position / rows);
    const row = orderOf(epoch)[position % rows]!;
    const offset = hash32(seed, domain, 'offset', epoch) % (leftOver + 1);
    return stream.slice(offset + row * seqLen, seqLen + 1);
  };
}
