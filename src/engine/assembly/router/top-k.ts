// The K largest of a row of scores.
//
// Scores are compared as integers of the same order, which has two advantages: NaN is just a small number, so indices
// stay distinct and in range whatever comes in, and adding 0 has made one zero of both.

// Keys: below all of them, of an expert in an excluded group, and of NaN; that of -Infinity is larger.
const NO_KEY: i32 = i32.MIN_VALUE;
export const EXCLUDED_KEY: i32 = NO_KEY + 1;
const NAN_KEY: i32 = NO_KEY + 2;

/** An integer for each float, in the same order; adding 0 makes one zero of both. */
@inline
function key4(x: v128): v128 {
  const bits = f32x4.add(x, f32x4.splat(0));
  const key = v128.xor(bits, i32x4.shr_u(i32x4.shr_s(bits, 31), 1));
  return v128.bitselect(key, i32x4.splat(NAN_KEY), f32x4.eq(x, x));
}

/** Turns scores into keys, in place. */
export function toKeys(scores: usize, size: i32): void {
  let i = 0;
  for (; i + 4 <= size; i += 4, scores += 16) v128.store(scores, key4(v128.load(scores)));
  for (; i < size; i++, scores += 4)
    store<i32>(scores, i32x4.extract_lane(key4(f32x4.splat(load<f32>(scores))), 0));
}

/**
 * Indices of the k <= size largest keys, largest first, then by index. Keys that were found are taken out.
 *
 * A search for each, without branches on what the keys are: those would be guessed wrong again and again.
 */
export function topK(keys: usize, size: i32, k: i32, indices: usize): void {
  for (const end = indices + ((<usize>k) << 2); indices < end; indices += 4) {
    const index = placeOf(keys, size, largestKey(keys, size));
    store<i32>(indices, index);
    store<i32>(keys + ((<usize>index) << 2), NO_KEY);
  }
}

function largestKey(keys: usize, size: i32): i32 {
  let a = i32x4.splat(NO_KEY);
  let b = a;
  let i = 0;
  for (; i + 8 <= size; i += 8, keys += 32) {
    a = i32x4.max_s(a, v128.load(keys));
    b = i32x4.max_s(b, v128.load(keys, 16));
  }
  a = i32x4.max_s(a, b);
  let largest = max(
    max(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1)),
    max(i32x4.extract_lane(a, 2), i32x4.extract_lane(a, 3)),
  );
  for (; i < size; i++, keys += 4) largest = max(largest, load<i32>(keys));
  return largest;
}

/** The first place of a key that is there. */
function placeOf(keys: usize, size: i32, key: i32): i32 {
  const wanted = i32x4.splat(key);
  let i = 0;
  for (; i + 4 <= size; i += 4, keys += 16) {
    const same = i32x4.bitmask(i32x4.eq(v128.load(keys), wanted));
    if (same != 0) return i + <i32>ctz(same);
  }
  while (load<i32>(keys) != key) {
    i++;
    keys += 4;
  }
  return i;
}
