// What the conductor and the ranks say to each other: orders one way, reports the other. Plain data; large arrays lie
// in
// shared memory.

import type { VariantName } from '../../engine/variant-names.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import type { Batch } from '../../data/types.ts';
import type { ScheduleName } from '../schedule/schedules.ts';
import type { ChunkFindings } from '../pipeline/run-schedule.ts';
import type { Layout } from '../layout.ts';
import type { Place } from './places.ts';
import type { Shard } from '../zero/shards.ts';
import type { MessageFormat, RankBytes } from './bytes.ts';
import type { Wiring } from './mailbox.ts';

/** What a rank is to do. */
export interface RankPlan {
  readonly place: Place;
  readonly layout: Layout;
  readonly schedule: ScheduleName;
  /** Micro-batches of each pipeline in a step. */
  readonly microBatches: number;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly messages: MessageFormat;
  readonly shards: readonly Shard[];
}

/** What the thread of a rank needs to know when it starts. */
export interface RankStart extends RankPlan {
  readonly wiring: Wiring;
  readonly engineVariant: VariantName;
  /** The most bytes that the engine of a rank may take; null for all that it can address. */
  readonly engineMemory: number | null;
}

/** Values by the index of their shard, and what the owner of a shard keeps besides. */
export interface ShardValues {
  readonly parameter: Float32Array;
  /** Present for the owner. */
  readonly moments?: { readonly expAvg: Float32Array; readonly expAvgSq: Float32Array };
  readonly average?: Float32Array;
}

/** By layer. */
export type Biases = readonly (readonly [layer: number, bias: Float32Array])[];

export type Order =
  /** Weights to begin with, after `steps` updates. */
  | {
      readonly type: 'load';
      readonly values: readonly (readonly [shard: number, values: ShardValues])[];
      readonly biases: Biases;
      readonly steps: number;
    }
  /** Forward and backward passes; the answer is `found`. */
  | { readonly type: 'pass'; readonly batch: Batch; readonly mtpWeight: number }
  /** The update of a step; the answer is `updated`. */
  | { readonly type: 'update'; readonly learningRate: number; readonly scale: number; readonly biases: Biases }
  /** The step cannot be taken: the answer is `culprit`. */
  | { readonly type: 'explain' }
  /** The shards that the rank owns; the answer is `values`. */
  | { readonly type: 'gather' };

export type Report =
  | { readonly type: 'ready' }
  | {
      readonly type: 'found';
      readonly found: readonly ChunkFindings[];
      /** Sums of squares of the gradients of owned shards, by block. */
      readonly squares: readonly (readonly [shard: number, blocks: readonly number[]])[];
    }
  | { readonly type: 'updated'; readonly bytes: RankBytes }
  | { readonly type: 'culprit'; readonly weight: string | null; readonly gradient: string | null }
  | { readonly type: 'values'; readonly values: readonly (readonly [shard: number, values: ShardValues])[] }
  | { readonly type: 'failed'; readonly message: string; readonly isUserError: boolean };
