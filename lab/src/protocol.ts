// What the page and its worker tell each other. The worker trains one run at a time, and answers questions about its
// model between two steps, or at once while the run is paused or done.

import type { EvalResult, LayerLoad, LiveSettings, ModelConfig, TrainConfig } from 'tinyseek/core';
import type { Answer, Question } from './questions.ts';

/** Where the text of a run comes from: corpora that ship with the page, or a text of the user's. */
export type TextSource =
  | { readonly kind: 'corpora'; readonly names: readonly string[] }
  | { readonly kind: 'own'; readonly name: string; readonly text: string };

/** What computes: the fastest way on the processor, or the GPU. */
export type LabBackend = 'auto' | 'webgpu';

/** Everything that a run is made of; plain data. */
export interface RunRequest {
  /** The name of the run and of its folder in the browser's storage. */
  readonly runId: string;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly source: TextSource;
  /** Known bugs that are built into this run: see `worker/bugs.ts`. */
  readonly bugs: readonly string[];
  readonly backend: LabBackend;
  /** The id of a model in the storage whose weights the run begins with; null: fresh weights from the seed. */
  readonly init: string | null;
}

/** From the page to the worker. */
export type Command =
  /** Starts a run, or carries the one that is stored under this id on. `hold` stops it before its first step. */
  | { readonly type: 'start'; readonly request: RunRequest; readonly isStored: boolean; readonly hold: boolean }
  /** Opens a model of the storage to be asked questions, without training it. */
  | { readonly type: 'open'; readonly modelId: string }
  | { readonly type: 'play' }
  | { readonly type: 'pause' }
  | { readonly type: 'step' }
  /** Ends the run after its current step, with a checkpoint. */
  | { readonly type: 'stop' }
  /** Settings that act from the next step on. */
  | { readonly type: 'change'; readonly settings: LiveSettings }
  | { readonly type: 'ask'; readonly requestId: number; readonly question: Question }
  /** Ends an answer that is on its way, such as a long text. */
  | { readonly type: 'cancel'; readonly requestId: number };

/** One optimizer step, as charts need it. */
export interface StepRecord {
  readonly step: number;
  readonly tokens: number;
  readonly seconds: number;
  /** Nats per token, of the main model and of each MTP depth. */
  readonly loss: number;
  readonly mtpLoss: readonly number[];
  readonly balanceLoss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
  readonly load: readonly LayerLoad[];
}

/** What is known of a run once its model is there. */
export interface RunFacts {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: string;
  readonly threads: number | null;
  readonly engineVariant: string | null;
  readonly device: string | null;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly trainTokens: number;
  /** Mean bytes of UTF-8 in a token of the training text. */
  readonly bytesPerToken: number;
  /** Steps already done when a run is carried on. */
  readonly startStep: number;
  /** Steps of the whole run. */
  readonly steps: number;
}

export type RunEvent =
  | { readonly type: 'preparing'; readonly stage: string; readonly share: number | null }
  | { readonly type: 'started'; readonly facts: RunFacts }
  /** Steps that were taken before the page was loaded again, thinned, oldest first. */
  | { readonly type: 'history'; readonly steps: readonly StepRecord[]; readonly evaluations: readonly Evaluation[] }
  /** The steps since the last such event: at most about ten events a second. */
  | { readonly type: 'steps'; readonly steps: readonly StepRecord[] }
  | { readonly type: 'evaluation'; readonly evaluation: Evaluation; readonly domains: EvalResult['domains'] }
  | { readonly type: 'sample'; readonly step: number; readonly prompt: string; readonly text: string }
  | { readonly type: 'checkpoint'; readonly step: number }
  /** A change of the settings that took effect before the step after `step`. */
  | { readonly type: 'changed'; readonly step: number; readonly settings: LiveSettings }
  /** The run waits for `play` or `step`. */
  | { readonly type: 'held'; readonly step: number }
  | { readonly type: 'going' }
  | { readonly type: 'note' | 'warning'; readonly message: string }
  | { readonly type: 'ended'; readonly isFinished: boolean; readonly step: number }
  | { readonly type: 'failed'; readonly message: string };

/** The held-out losses after a step. */
export interface Evaluation {
  readonly step: number;
  readonly loss: number;
  readonly bitsPerByte: number;
  readonly mtpLoss: readonly number[];
  readonly maxVioGlobal: number;
}

/** From the worker to the page. */
export type FromWorker =
  | { readonly type: 'run'; readonly runId: string; readonly event: RunEvent }
  /** A model that was opened is ready to be asked. */
  | { readonly type: 'opened'; readonly modelId: string; readonly model: ModelConfig }
  /** A part of an answer (`isLast` false) or all of it. */
  | { readonly type: 'answer'; readonly requestId: number; readonly answer: Answer; readonly isLast: boolean }
  | { readonly type: 'refused'; readonly requestId: number; readonly message: string };
