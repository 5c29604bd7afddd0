// From samples to what a run trains on, and what it measures.

import type { TrainConfig } from '../../config/train-config.ts';
import type { Turn } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';
import type { Task } from '../../evaluate/task.ts';
import type { TrainingMethod } from '../../train/method.ts';
import { chatTemplate } from './chat-template.ts';
import { templateEncoder } from './encode-conversation.ts';
import { createSampleDataset, type SampleDataset, type SampleSource } from './sample-dataset.ts';
import { sftMethod } from './sft-method.ts';
import type { RecordedSft } from './sft-settings.ts';
import { encodeSource, type RawSource } from './sources.ts';

export interface SftIngredients {
  readonly sources: readonly RawSource[];
  readonly task: Task | null;
  readonly recorded: RecordedSft;
}

export interface PreparedSft {
  readonly encoded: readonly SampleSource[];
  /** Tokens of the longest sample. */
  readonly longest: number;
  readonly dataset: (encoded: readonly SampleSource[], train: Pick<TrainConfig, 'seqLen' | 'seed'>) => SampleDataset;
  readonly method: TrainingMethod;
}

/** @throws UserError for samples that cannot be learned from: see `encodeSource`. */
export function prepareSft({ sources, task, recorded }: SftIngredients, plain: Tokenizer): PreparedSft {
  const template = chatTemplate(recorded.template);
  const tokenizer = { ...plain, chatTemplate: template.source };
  const encoder = templateEncoder(template, tokenizer);
  const encoded = sources.map((source) => encodeSource(source, encoder, recorded.verdictWeight));
  const lengths = encoded.flatMap(({ train, heldOut }) => [...train, ...heldOut].map(({ ids }) => ids.length));
  const example = upToAnswer(sources[0]?.heldOut[0]?.turns ?? []);
  return {
    encoded,
    longest: lengths.reduce((most, length) => Math.max(most, length), 2),
    dataset: (list, { seqLen, seed }) => createSampleDataset({ sources: list, tokenizer, seqLen, seed }),
    method: sftMethod({ settings: { ...recorded }, task, tokenizer, encoder, stopAt: recorded.stopAt, example }),
  };
}

/** The turns before the last answer. */
function upToAnswer(turns: readonly Turn[]): readonly Turn[] {
  return turns.slice(
    0,
    turns.findLastIndex(({ role }) => role === 'assistant'),
  );
}
