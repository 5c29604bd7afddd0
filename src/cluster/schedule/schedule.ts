// What a pipeline schedule is: plain data. For each rank, what it does, in order.
//
// A stage is a run of consecutive layers, counted from 0 (which has the embedding) to `stages - 1` (which has the
// head).
// A rank may hold several stages, and several ranks the same stage: in DualPipe rank r of P holds stages r and P-1-r,
// and micro-batches are fed from both ends.

/** One stage on one micro-batch; micro-batches are counted from 0 over the whole step. */
export interface Chunk {
  readonly stage: number;
  readonly microBatch: number;
}

/**
 * - `forward`: F.
 * - `backward`: B, gradients of inputs and weights.
 * - `backwardInput`, `backwardWeight`: the two halves of B, in this order (arXiv:2401.10241 section 2 calls them B and
 *   W). The second needs nothing from other ranks.
 */
export type Pass = 'forward' | 'backward' | 'backwardInput' | 'backwardWeight';

export type Operation =
  | ({ readonly kind: Pass } & Chunk)
  /** A forward and a backward pass side by side, each hiding the communication of the other (report 3.2.1). */
  | { readonly kind: 'overlapped'; readonly forward: Chunk; readonly backward: Chunk };

export interface Schedule {
  readonly name: string;
  readonly ranks: number;
  readonly microBatches: number;
  readonly stages: number;
  /** The stages that each rank holds. */
  readonly held: readonly (readonly number[])[]; // [ranks][..]
  /**
   * Which rank runs a stage of a micro-batch. Where a stage is held once it is that rank; in DualPipe it depends on the
   * end that the micro-batch is fed from.
   */
  readonly rankOf: (chunk: Chunk) => number;
  readonly operations: readonly (readonly Operation[])[]; // [ranks][..]
}
