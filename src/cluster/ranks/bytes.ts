// What a rank holds and sends, in bytes. Part of the public API: nothing of Node's is named here.

/** What a message is for; bytes are counted by it. */
export type Purpose = 'pipeline' | 'experts' | 'gradients' | 'parameters';

/** Messages between experts: as they are, or in the formats of the report (section 3.3.3). */
export type MessageFormat = 'float32' | 'fp8';

/** Bytes of one rank. */
export interface RankBytes {
  /** The most that its tensors took, of all kinds. */
  readonly peakBytes: number;
  readonly parameterBytes: number;
  readonly optimizerBytes: number;
  /** The most that was taken in a step besides parameters and moments: activations, gradients, workspaces. */
  readonly activationBytes: number;
  /** The most forward passes that were kept at a time, each of one stage on one micro-batch. */
  readonly peakPasses: number;
  /** Sent to other ranks since the start. */
  readonly sentBytes: number;
  readonly sent: Readonly<Record<Purpose, number>>;
  /** The part of the messages between experts that went to other nodes. */
  readonly sentBetweenNodes: number;
}
