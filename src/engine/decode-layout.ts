// What a decoder's kernels read: the model, its layers and the rows of a pass.
//
// Matrices are packed and zero-padded (assembly/decode/weights.ts says how). Outputs of several heads begin
// a panel each.
// Shape legend: N rows of a pass, D hidden, H heads, P nope, R rope, V value, C latent, Q query, E experts, K per
// token, F expert width, S width of the dense feed-forward or of the shared experts, A = Q + C + R (or H*(P+R) + C + R
// without query compression).

import type { Layout } from './layout.ts';

export const decodeModel = {
  hidden: 'integer',
  heads: 'integer',
  nope: 'integer',
  rope: 'integer',
  value: 'integer',
  latent: 'integer',
  /** Q, or 0 where queries are not compressed. */
  query: 'integer',
  experts: 'integer',
  perToken: 'integer',
  groups: 'integer',
  keptGroups: 'integer',
  expertWidth: 'integer',
  vocabulary: 'integer',
  softmax: 'flag',
  normalise: 'flag',
  multiplicative: 'flag',
  /** Rotary pairs are neighbours. */
  neighbours: 'flag',
  /** Whether an MTP module reads the output of the last norm, or what that norm reads. */
  normedHidden: 'flag',
  /** Whether the embedding comes first in the input of `project`. */
  embeddingFirst: 'flag',
  eps: 'float',
  latentEps: 'float',
  attentionScale: 'float',
  routedScale: 'float',
  /** Formats of the matrices (`weightFormats`): of the layers, and of head, router and `project`. */
  format: 'integer',
  plainFormat: 'integer',
  /** [positions, R]. */
  cos: 'address',
  sin: 'address',
  /** [V, D], as it is. */
  embedding: 'address',
  norm: 'address',
  head: 'address',
  /** Layers one after the other, and how many: that of the MTP module follows them. */
  layers: 'address',
  layerCount: 'integer',
  embeddingNorm: 'address',
  hiddenNorm: 'address',
  project: 'address',
  headNorm: 'address',
  /** [N, D]: the residual stream, what a norm made of it, and [N, 2D]. */
  x: 'address',
  normed: 'address',
  joined: 'address',
  /** [N, A]. */
  compressed: 'address',
  /** [N, H, P+R], [N, H, C+R], [N, H, C] and [N, H, V]. */
  queries: 'address',
  latentQueries: 'address',
  latentValues: 'address',
  values: 'address',
  /** [N, E], [N, K], [N, K] and [N, K]. */
  logits: 'address',
  indices: 'address',
  scores: 'address',
  gates: 'address',
  /** `selectWorkspace` for each thread. */
  selectSpace: 'address',
  /** Rows sorted by expert: [E + 1] offsets, [N*K] tokens, [N*K] slots, [E] experts that have any. */
  offsets: 'address',
  tokens: 'address',
  slots: 'address',
  busy: 'address',
  /** [N, S] and [N*K, F]. */
  active: 'address',
  routedActive: 'address',
  /** Bytes for each thread, and where a thread makes a panel of 16 or 8 bits float32 for many rows. */
  unpackedBytes: 'integer',
  unpacked: 'address',
} as const satisfies Layout;

export const decodeLayer = {
  inputNorm: 'address',
  /** D -> A. */
  compress: 'address',
  queryNorm: 'address',
  latentNorm: 'address',
  /** Q -> P+R, C <- P and C -> V of each head. */
  queryUp: 'address',
  keyUp: 'address',
  valueUp: 'address',
  /** H*V -> D. */
  output: 'address',
  postNorm: 'address',
  /** S, and its matrices: panels of gate and up take turns; 0 without. */
  width: 'integer',
  gateUp: 'address',
  down: 'address',
  /** D -> E and [E]; 0 in a dense layer. */
  router: 'address',
  bias: 'address',
  /** Those of each expert, one after the other. */
  expertGateUp: 'address',
  expertDown: 'address',
} as const satisfies Layout;

export const decodeRow = {
  token: 'integer',
  position: 'integer',
  /** Latents of its sequence: that of layer l, position p is at cache + l * layerBytes + p * (C+R) * 4. */
  cache: 'address',
  layerBytes: 'integer',
  /** Hidden state [D] that the MTP module reads; 0 in the main model. */
  hiddenIn: 'address',
  /** Where the hidden state goes; 0 for nowhere. */
  hiddenOut: 'address',
  wantsLogits: 'flag',
} as const satisfies Layout;

export const decodeGreedy = {
  /** The main model, and the MTP module as it drafts; 0 for no drafts. */
  main: 'address',
  draft: 'address',
  /** Room for two rows and their logits [2, V]. */
  rows: 'address',
  logits: 'address',
  /** Of the sequence, as in its rows. */
  cache: 'address',
  layerBytes: 'integer',
  /** Hidden states that are kept, that of position `hiddenFrom` first; nowhere where no module will read them. */
  hidden: 'address',
  hiddenFrom: 'integer',
  /** Where `token` goes, the first that has not run; and the token before it. */
  position: 'integer',
  token: 'integer',
  previous: 'integer',
  /** Positions that the module has seen: at least `position` - 2. */
  mtpLength: 'integer',
  /** Tokens to choose, and where they go: [count] each. */
  count: 'integer',
  tokens: 'address',
  drafts: 'address',
} as const satisfies Layout;
