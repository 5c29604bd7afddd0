// What a training run reports to its watcher: the command line, a notebook, a page. Plain data.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { JsonObject } from '../io/json.ts';
import type { LiveSettings } from './live-settings.ts';
import type { Highlights } from './method.ts';

/** Load of one MoE layer, MTP modules included (their layer index is `numHiddenLayers` and up). */
export interface LayerLoad {
  readonly layer: number;
  /** Selections per expert; they sum to tokens * numExpertsPerTok. */
  readonly counts: readonly number[];
  /** (max - mean) / mean. */
  readonly maxVio: number;
  /** (mean - min) / mean. */
  readonly minVio: number;
  /** Mean of |load - mean| / mean over the experts. */
  readonly avgVio: number;
  /** Experts that no token selected. */
  readonly deadExperts: number;
  /** The selection bias after the update. */
  readonly bias: readonly number[];
}

/**
 * One line of `metrics.jsonl`. Keys are slashed groups; every line has `step` (optimizer steps done), `tokens` (trained
 * on so far) and `seconds` (of the run so far). Scalars only, except the per-layer arrays under `load/`.
 *
 * Training lines: `train/loss` (main cross-entropy, nats per token), `train/total_loss`, `train/mtp_loss_1`...,
 * `train/balance_loss` (without alpha), `train/grad_norm` (before clipping), `train/learning_rate`,
 * `train/batch_size`, `train/tokens_per_second`, `train/mtp_weight`, `train/bias_speed`, `balance/max_vio_batch`,
 * `balance/min_vio_batch`, `balance/avg_vio_batch`, `balance/dead_experts` (means over layers; sum for dead experts),
 * and per layer L `load/L/counts`, `load/L/max_vio`, `load/L/min_vio`, `load/L/avg_vio`, `load/L/dead_experts`,
 * `load/L/bias`.
 *
 * Evaluation lines: `eval/loss`, `eval/perplexity`, `eval/bits_per_byte`, `eval/mtp_loss_1`..., `eval/tokens`,
 * `eval/max_vio_global`, `eval/avg_vio_global`, `eval/ema_loss` and, per domain NAME, `eval/domain/NAME/loss`,
 * `eval/domain/NAME/bits_per_byte`, `eval/domain/NAME/load` (layers x experts).
 */
export type MetricsLine = { readonly step: number; readonly tokens: number; readonly seconds: number } & {
  readonly [key: string]: number | readonly number[] | readonly (readonly number[])[];
};

/** What an evaluation on held-out text found. */
export interface EvalResult {
  /** Mean negative log-likelihood, nats per token. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  /** The loss of each MTP depth. */
  readonly mtpLoss: readonly number[];
  /** MaxVio of the loads counted over all held-out tokens; the mean over MoE layers. */
  readonly maxVioGlobal: number;
  /** AvgVio of the same loads: how far an expert is from the mean load, on average over experts and layers. */
  readonly avgVioGlobal: number;
  /** Tokens predicted. */
  readonly tokens: number;
  readonly domains: readonly {
    readonly name: string;
    readonly loss: number;
    readonly bitsPerByte: number;
    readonly tokens: number;
    readonly load: readonly LayerLoad[];
  }[];
}

export type TrainEvent =
  | {
      readonly type: 'start';
      readonly runDir: string;
      readonly model: ModelConfig;
      readonly train: TrainConfig;
      /** The backend that computes now; a resumed run may have been started on another. */
      readonly backend: string;
      /** Number of threads that compute, and the engine's binary; null on other backends. */
      readonly threads: number | null;
      readonly engineVariant: string | null;
      /** The GPU, and whether a program plays it; null where the processor computes. */
      readonly device: string | null;
      readonly parameters: number;
      readonly activeParameters: number;
      readonly trainTokens: number;
      /** Bits per byte that Brotli (quality 11) needs for the held-out text; null if it was not asked. */
      readonly brotliBitsPerByte: number | null;
      /** Steps already done when a run is resumed. */
      readonly startStep: number;
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly tokensPerSecond: number;
      readonly secondsLeft: number;
      readonly load: readonly LayerLoad[];
      readonly metrics: MetricsLine;
      /** What the method of the run found in this step; absent in a run without one. */
      readonly highlights?: Highlights;
    }
  /** Settings that were changed after `step` steps, with their new values. */
  | { readonly type: 'change'; readonly step: number; readonly settings: LiveSettings }
  | { readonly type: 'eval'; readonly step: number; readonly result: EvalResult }
  /** What the method of the run measured, in place of an evaluation on held-out text. */
  | { readonly type: 'measure'; readonly step: number; readonly text: string }
  | { readonly type: 'sample'; readonly step: number; readonly prompt: string; readonly text: string }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  /** Information that needs no action: where the weights come from, how the plan was changed. */
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'end'; readonly result: TrainResult };

/** What `train` returns. */
export interface TrainResult {
  readonly run: string;
  readonly steps: number;
  /** Mean main loss of the last tenth of the steps. */
  readonly finalLoss: number;
  readonly evalLoss: number;
  readonly bitsPerByte: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
  /** The Hugging Face model folder. */
  readonly checkpoint: string;
  /** What the method of the run measured before the first step and last; absent in a run without one. */
  readonly measured?: { readonly before: JsonObject; readonly after: JsonObject };
  /** False when an interrupt ended the run before its planned number of steps. */
  readonly finished: boolean;
}
