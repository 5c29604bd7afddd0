// What a decoder's kernels read: the model, its layers and the rows of a pass, as TypeScript writes them down
// (src/generate/passes/engine-model.ts has the same fields in the same order). All fields have 32 bits.
//
// Matrices are packed: panels of NR outputs, [input][NR], zero-padded. Outputs of several heads begin a panel each.
// Shape legend: N rows of a pass, D hidden, H heads, P nope, R rope, V value, C latent, Q query, E experts, K per token,
// F expert width, S width of the dense feed-forward or of the shared experts, A = Q + C + R (or H*(P+R) + C + R without
// query compression).

import { ARGUMENTS } from './threads';

@unmanaged
export class DecodeModel {
  hidden: i32;
  heads: i32;
  nope: i32;
  rope: i32;
  value: i32;
  latent: i32;
  /** Q, or 0 where queries are not compressed. */
  query: i32;
  experts: i32;
  perToken: i32;
  groups: i32;
  keptGroups: i32;
  expertWidth: i32;
  vocabulary: i32;
  softmax: i32;
  normalise: i32;
  multiplicative: i32;
  /** Rotary pairs are neighbours. */
  neighbours: i32;
  /** Whether an MTP module reads the output of the last norm, or what that norm reads. */
  normedHidden: i32;
  /** Whether the embedding comes first in the input of `project`. */
  embeddingFirst: i32;
  eps: f32;
  latentEps: f32;
  attentionScale: f32;
  routedScale: f32;
  /** [positions, R]. */
  cos: usize;
  sin: usize;
  /** [V, D], as it is. */
  embedding: usize;
  norm: usize;
  head: usize;
  /** `DecodeLayer`s one after the other, and how many: that of the MTP module follows them. */
  layers: usize;
  layerCount: i32;
  embeddingNorm: usize;
  hiddenNorm: usize;
  project: usize;
  headNorm: usize;
  /** [N, D]: the residual stream, what a norm made of it, and [N, 2D]. */
  x: usize;
  normed: usize;
  joined: usize;
  /** [N, A]. */
  compressed: usize;
  /** [N, H, P+R], [N, H, C+R], [N, H, C] and [N, H, V]. */
  queries: usize;
  latentQueries: usize;
  latentValues: usize;
  values: usize;
  /** [N, E], [N, K], [N, K] and [N, K]. */
  logits: usize;
  indices: usize;
  scores: usize;
  gates: usize;
  /** `selectWorkspace` for each thread. */
  selectSpace: usize;
  /** Rows sorted by expert: [E + 1] offsets, [N*K] tokens, [N*K] slots, [E] experts that have any. */
  offsets: usize;
  tokens: usize;
  slots: usize;
  busy: usize;
  /** [N, S] and [N*K, F]. */
  active: usize;
  routedActive: usize;
}

@unmanaged
export class DecodeLayer {
  inputNorm: usize;
  /** D -> A. */
  compress: usize;
  queryNorm: usize;
  latentNorm: usize;
  /** Q -> P+R, C <- P and C -> V of each head. */
  queryUp: usize;
  keyUp: usize;
  valueUp: usize;
  /** H*V -> D. */
  output: usize;
  postNorm: usize;
  /** S, and its matrices: panels of gate and up take turns; 0 without. */
  width: i32;
  gateUp: usize;
  down: usize;
  /** D -> E and [E]; 0 in a dense layer. */
  router: usize;
  bias: usize;
  /** Those of each expert, one after the other. */
  expertGateUp: usize;
  expertDown: usize;
}

@unmanaged
export class DecodeRow {
  token: i32;
  position: i32;
  /** Latents of its sequence: that of layer l, position p is at cache + l * layerBytes + p * (C+R) * 4. */
  cache: usize;
  layerBytes: i32;
  /** Hidden state [D] that the MTP module reads; 0 in the main model. */
  hiddenIn: usize;
  /** Where the hidden state goes; 0 for nowhere. */
  hiddenOut: usize;
  wantsLogits: i32;
}

/** What the threads of a pass have to know; laid over `ARGUMENTS`. */
@unmanaged
export class DecodeJob {
  model: DecodeModel;
  layer: DecodeLayer;
  /** Index of the layer in the cache. */
  layerIndex: i32;
  rows: usize;
  count: i32;
  // A product: c = (or += where `accumulate`) a * matrix.
  a: usize;
  strideA: usize;
  inputs: i32;
  matrix: usize;
  c: usize;
  outputs: i32;
  accumulate: bool;
  panelsPerChunk: i32;
  // Feed-forward: chunks of the dense part, those of each busy expert, and panel pairs of a chunk.
  denseChunks: i32;
  expertChunks: i32;
  pairsPerChunk: i32;
}

@inline
export function decodeJob(): DecodeJob {
  return changetype<DecodeJob>(ARGUMENTS);
}

@inline
export function rowOf(job: DecodeJob, row: i32): DecodeRow {
  return changetype<DecodeRow>(job.rows + <usize>row * offsetof<DecodeRow>());
}

/** Address of element (row, 0) of a matrix of floats. */
@inline
export function rowAt(matrix: usize, row: i32, width: i32): usize {
  return matrix + ((<usize>row * <usize>width) << 2);
}
