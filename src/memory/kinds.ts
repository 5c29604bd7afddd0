// What the memory of a training step is for.

/** What memory is for, while a model trains. */
export const memoryKinds = [
  'weights',
  'gradients',
  'moments',
  'average',
  'activations',
  'packed',
  'recording',
  'messages',
] as const;
export type MemoryKind = (typeof memoryKinds)[number];

/** Bytes of a training step. */
export interface StepMemory {
  /**
   * The most bytes of each kind, at whatever time of a step that is.
   *
   * - `weights`: parameters, balancing biases and rotary tables. Embedding and output head are in it once: MTP modules
   *   use those of the main model.
   * - `gradients`: of all parameters, complete ones. `moments`: AdamW's. `average`: the moving average of the weights.
   * - `activations`: all other tensors. What the forward pass keeps for the backward pass is most of it.
   * - `packed`: what kernels have until they return, such as copies of matrices in the order in which they are read.
   * - `recording`: what a recorded step keeps beyond its peak, since a recording uses a block again only for the same
   *   size.
   * - `messages`: to other ranks; a single process has none.
   */
  readonly kinds: Readonly<Record<MemoryKind, number>>;
  /** The most bytes of all kinds together. Kinds have their peaks at different times, so it is less than their sum. */
  readonly total: number;
}
