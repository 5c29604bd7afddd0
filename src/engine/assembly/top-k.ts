// The K largest of a row of scores.
//
// Scores are compared as integers of the same order, which has two advantages: NaN is just a small number, so indices stay
// distinct and in range whatever comes in, and adding 0 has made one zero of both.

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

/** Indices of the k <= size largest keys, largest first, then by index; `best` has room for k keys. */
export function topK(keys: usize, size: i32, k: i32, indices: usize, best: usize): void {
  let found = 0;
  let threshold = NO_KEY;
  let i = 0;
  for (; i + 4 <= size; i += 4) {
    const four = i32x4.gt_s(v128.load(keys + ((<usize>i) << 2)), i32x4.splat(threshold));
    if (!v128.any_true(four)) continue;
    for (let j = i; j < i + 4; j++) {
      const key = load<i32>(keys + ((<usize>j) << 2));
      if (key <= threshold) continue;
      found = insert(key, j, found, k, indices, best);
      if (found == k) threshold = load<i32>(best + ((<usize>(k - 1)) << 2));
    }
  }
  for (; i < size; i++) {
    const key = load<i32>(keys + ((<usize>i) << 2));
    if (key <= threshold) continue;
    found = insert(key, i, found, k, indices, best);
    if (found == k) threshold = load<i32>(best + ((<usize>(k - 1)) << 2));
  }
}

/** Puts a key behind those that are not smaller; the last of k falls out. Returns how many there are. */
@inline
function insert(key: i32, index: i32, found: i32, k: i32, indices: usize, best: usize): i32 {
  let at = (<usize>(found < k ? found : k - 1)) << 2;
  while (at > 0 && load<i32>(best + at - 4) < key) {
    store<i32>(best + at, load<i32>(best + at - 4));
    store<i32>(indices + at, load<i32>(indices + at - 4));
    at -= 4;
  }
  store<i32>(best + at, key);
  store<i32>(indices + at, index);
  return min(k, found + 1);
}
