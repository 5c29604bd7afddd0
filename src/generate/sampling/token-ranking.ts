// The most likely tokens, without sorting the vocabulary. Equal logits are ranked by token id, the lower one first.

/** The token with the largest logit, or -1 if none is a number. */
export function mostLikely(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > largest) {
      best = id;
      largest = logit;
    }
  }
  return best;
}

/**
 * Puts the `count` most likely tokens into `ids`, best first. `count` is at most the size of the vocabulary.
 *
 * A heap of the best so far, with the worst of them on top: most tokens cost one comparison.
 */
export function rankTokens(logits: Float32Array, count: number, ids: Int32Array): void {
  for (let id = 0; id < count; id++) ids[id] = id;
  for (let at = (count >> 1) - 1; at >= 0; at--) sink(logits, ids, at, count);
  for (let id = count; id < logits.length; id++) {
    if (!(logits[id]! > logits[ids[0]!]!)) continue;
    ids[0] = id;
    sink(logits, ids, 0, count);
  }
  for (let end = count - 1; end > 0; end--) {
    const worst = ids[0]!;
    ids[0] = ids[end]!;
    ids[end] = worst;
    sink(logits, ids, 0, end);
  }
}

function isWorse(logits: Float32Array, a: number, b: number): boolean {
  const left = logits[a]!;
  const right = logits[b]!;
  return left < right || (left === right && a > b);
}

/** Moves the token at `start` down until both below it are better. */
function sink(logits: Float32Array, heap: Int32Array, start: number, size: number): void {
  const token = heap[start]!;
  let at = start;
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    if (child + 1 < size && isWorse(logits, heap[child + 1]!, heap[child]!)) child++;
    if (!isWorse(logits, heap[child]!, token)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = token;
}
