// WGSL that draws a token from logits, in a workgroup for each text: temperature, top-k, top-p and min-p as in
// src/generate/sampling/token-distribution.ts, and in its order of tokens: by falling probability after top-k, by id
// without. The host's random number then falls on the same token, up to rounding of the logits and of float32 sums.
// Shape legend: V vocabSize.

/** Lanes of a workgroup, and the most that top-k may be. */
export const lanes = 256;

/**
 * `findBest` over `sources`, bindings of logits: `best` is then the most likely token, of equal ones that with the
 * smallest id. All lanes must call it alike.
 */
export const bestFunctions = (V: number, sources: readonly string[]): string => `
// What logits that are not numbers give: no token.
const none = 0xffffffffu;
var<workgroup> bestLogits: array<f32, ${lanes}>;
var<workgroup> bestIds: array<u32, ${lanes}>;
// For each source: its most likely token, the logit of that, and how many entries its distribution has.
var<workgroup> best: array<u32, 2>;
var<workgroup> largest: array<f32, 2>;
var<workgroup> entries: array<u32, 2>;

fn logitAt(which: u32, i: u32) -> f32 {
  ${sources.length === 1 ? `return ${sources[0]}[i];` : `if (which == 0u) { return ${sources[0]}[i]; } return ${sources[1]}[i];`}
}

fn findBest(which: u32, start: u32, lane: u32) {
  var logit = -3.4e38;
  var id = none;
  for (var i = lane; i < ${V}u; i += ${lanes}u) {
    let other = logitAt(which, start + i);
    if (other > logit) { logit = other; id = i; }
  }
  workgroupBarrier();
  bestLogits[lane] = logit;
  bestIds[lane] = id;
  workgroupBarrier();
  for (var half = ${lanes / 2}u; half > 0u; half = half / 2u) {
    if (lane < half) {
      let other = bestLogits[lane + half];
      let isBetter = other > bestLogits[lane] || (other == bestLogits[lane] && bestIds[lane + half] < bestIds[lane]);
      if (isBetter) { bestLogits[lane] = other; bestIds[lane] = bestIds[lane + half]; }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { best[which] = bestIds[0]; largest[which] = bestLogits[0]; entries[which] = ${V}u; }
  workgroupBarrier();
}
`;

/**
 * `distribute` makes the distribution of a source, and `draw` puts a token at a quantile into `drawn`: of source 0, or
 * of the part of it that exceeds source 1. `settings`: temperature, top-k, top-p, min-p. After `bestFunctions`.
 */
export const distributionFunctions = (V: number, sources: readonly string[]): string => `
var<workgroup> sums: array<f32, ${lanes}>;
var<workgroup> bins: array<atomic<u32>, ${lanes}>;
var<workgroup> taken: atomic<u32>;
// For each source: the sum of its entries, and the entries after top-k; without, they are all ids.
var<workgroup> totals: array<f32, 2>;
var<workgroup> ids: array<u32, ${2 * lanes}>;
var<workgroup> weights: array<f32, ${2 * lanes}>;
var<workgroup> unranked: array<u32, ${lanes}>;
var<workgroup> threshold: vec2u;

fn isFiltered() -> bool { return settings.y > 0.0 && settings.y < ${V}.0; }
fn plainWeight(which: u32, logit: f32) -> f32 {
  let weight = exp((logit - largest[which]) / settings.x);
  return select(weight, 0.0, weight < settings.w);
}
fn idOf(which: u32, i: u32) -> u32 { if (isFiltered()) { return ids[which * ${lanes}u + i]; } return i; }
fn weightOf(which: u32, start: u32, i: u32) -> f32 {
  if (isFiltered()) { return weights[which * ${lanes}u + i]; }
  return plainWeight(which, logitAt(which, start + i));
}
fn probability(which: u32, start: u32, id: u32) -> f32 {
  if (!isFiltered()) { return weightOf(which, start, min(id, ${V - 1}u)) / totals[which]; }
  for (var i = 0u; i < entries[which]; i++) {
    if (ids[which * ${lanes}u + i] == id) { return weights[which * ${lanes}u + i] / totals[which]; }
  }
  return 0.0;
}
fn chunkOf(count: u32) -> u32 { return (count + ${lanes - 1}u) / ${lanes}u; }

// Bits that ascend with the number.
fn keyOf(logit: f32) -> u32 {
  let bits = bitcast<u32>(logit);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

// threshold: the key of the last token of top-k, and how many with this key belong to it. Eight bits at a time.
fn findThreshold(which: u32, start: u32, count: u32, lane: u32) {
  var prefix = 0u;
  var left = count;
  for (var shift = 32u; shift > 0u; shift -= 8u) {
    atomicStore(&bins[lane], 0u);
    workgroupBarrier();
    for (var i = lane; i < ${V}u; i += ${lanes}u) {
      let key = keyOf(logitAt(which, start + i));
      if (shift == 32u || (key >> (shift & 31u)) == prefix) { atomicAdd(&bins[(key >> (shift - 8u)) & 255u], 1u); }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var bin = 255u;
      var above = 0u;
      loop {
        let own = atomicLoad(&bins[bin]);
        if (above + own >= left || bin == 0u) { break; }
        above += own;
        bin--;
      }
      threshold = vec2u((prefix << 8u) | bin, left - above);
    }
    let found = workgroupUniformLoad(&threshold);
    prefix = found.x;
    left = found.y;
  }
}

fn takeBest(which: u32, start: u32, count: u32, lane: u32) {
  findThreshold(which, start, count, lane);
  let at = threshold;
  // Of equal tokens those with the smaller ids are taken, so lanes count them in order.
  let chunk = chunkOf(${V}u);
  let end = min(${V}u, (lane + 1u) * chunk);
  var equal = 0u;
  for (var i = lane * chunk; i < end; i++) { if (keyOf(logitAt(which, start + i)) == at.x) { equal++; } }
  bestIds[lane] = equal;
  if (lane == 0u) { atomicStore(&taken, 0u); }
  workgroupBarrier();
  var before = 0u;
  for (var other = 0u; other < lane; other++) { before += bestIds[other]; }
  for (var i = lane * chunk; i < end; i++) {
    let key = keyOf(logitAt(which, start + i));
    if (key > at.x) { unranked[atomicAdd(&taken, 1u)] = i; }
    if (key == at.x) {
      if (before < at.y) { unranked[count - at.y + before] = i; }
      before++;
    }
  }
  workgroupBarrier();
  if (lane < count) {
    let id = unranked[lane];
    let logit = logitAt(which, start + id);
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
      let other = logitAt(which, start + unranked[i]);
      if (other > logit || (other == logit && unranked[i] < id)) { rank++; }
    }
    ids[which * ${lanes}u + rank] = id;
    weights[which * ${lanes}u + rank] = exp((logit - largest[which]) / settings.x);
  }
  workgroupBarrier();
  if (lane == 0u) { cut(which, count); }
  workgroupBarrier();
}

// Top-p, then min-p; the best has weight 1.
fn cut(which: u32, count: u32) {
  let start = which * ${lanes}u;
  var total = 0.0;
  for (var i = 0u; i < count; i++) { total += weights[start + i]; }
  var kept = count;
  if (settings.z < 1.0) {
    let goal = settings.z * total;
    kept = 0u;
    total = 0.0;
    while (kept < count && total < goal) { total += weights[start + kept]; kept++; }
  }
  if (settings.w > 0.0) {
    var left = 0u;
    total = 0.0;
    while (left < kept && weights[start + left] >= settings.w) { total += weights[start + left]; left++; }
    kept = left;
  }
  entries[which] = kept;
  totals[which] = total;
}

fn distribute(which: u32, start: u32, given: vec4f, lane: u32) {
  findBest(which, start, lane);
  if (given.x == 0.0) { return; }
  if (given.y > 0.0 && given.y < ${V}.0) { takeBest(which, start, u32(given.y), lane); return; }
  let chunk = chunkOf(${V}u);
  var sum = 0.0;
  for (var i = lane * chunk; i < min(${V}u, (lane + 1u) * chunk); i++) { sum += weightOf(which, start, i); }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { total += sums[i]; }
    totals[which] = total;
  }
  workgroupBarrier();
}

fn entry(start: u32, otherStart: u32, isExcess: bool, i: u32) -> f32 {
  let weight = weightOf(0u, start, i);
  if (!isExcess) { return weight; }
  return max(0.0, weight / totals[0] - ${sources.length === 1 ? '0.0' : 'probability(1u, otherStart, idOf(0u, i))'});
}

fn draw(start: u32, otherStart: u32, isExcess: bool, quantile: f32, lane: u32) {
  let chunk = chunkOf(entries[0]);
  let end = min(entries[0], (lane + 1u) * chunk);
  var sum = 0.0;
  for (var i = lane * chunk; i < end; i++) { sum += entry(start, otherStart, isExcess, i); }
  workgroupBarrier();
  sums[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < ${lanes}u; i++) { total += sums[i]; }
    var left = quantile * total;
    // What rounding leaves over goes to the last token with a positive weight.
    var part = none;
    for (var i = 0u; i < ${lanes}u; i++) {
      if (!(sums[i] > 0.0)) { continue; }
      part = i;
      if (left < sums[i]) { break; }
      left -= sums[i];
    }
    drawn = none;
    if (part != none && total > 0.0 && total < 3.0e38) {
      for (var i = part * chunk; i < min(entries[0], (part + 1u) * chunk); i++) {
        let weight = entry(start, otherStart, isExcess, i);
        if (!(weight > 0.0)) { continue; }
        drawn = idOf(0u, i);
        if (left < weight) { break; }
        left -= weight;
      }
    }
  }
  workgroupBarrier();
}
`;
