// Rollouts as rows of tensors.
// Shape legend: B rows, T positions of a row.

import { tf } from '../../tensor/tf.ts';
import type { Rollout } from '../rollouts/rollouts.ts';
import type { AnswerRows } from './token-logps.ts';

/** A rollout and what an update makes of it. */
export interface TrainingAnswer {
  readonly rollout: Pick<Rollout, 'promptIds' | 'ids' | 'logps'>;
  /** With a critic, the mean over its tokens. */
  readonly advantage: number;
  /** Of each of its tokens, with a critic; absent: `advantage` for all. */
  readonly tokenAdvantages?: readonly number[];
  /** The share of each of its tokens in the mean: see `tokenWeights`. */
  readonly share: number;
}

/** Values of the labels of rows, flattened [B, T]: `values` of each token of an answer in its place, 0 elsewhere. */
export function placed(
  answers: readonly TrainingAnswer[],
  T: number,
  values: (answer: TrainingAnswer, index: number) => ArrayLike<number>,
): Float32Array {
  const row = new Float32Array(answers.length * T);
  for (const [b, answer] of answers.entries()) {
    row.set(Array.from(values(answer, b)), b * T + answer.rollout.promptIds.length - 1);
  }
  return row;
}

/** The part of flattened [B, T] values that belongs to the answer of row `b`. */
export function answerPart(values: Float32Array, T: number, { rollout }: TrainingAnswer, b: number): Float32Array {
  const start = b * T + rollout.promptIds.length - 1;
  return values.subarray(start, start + rollout.ids.length);
}

/** Labels of the longest row: T. */
export function rowLength(answers: readonly TrainingAnswer[]): number {
  return Math.max(...answers.map(({ rollout }) => rollout.promptIds.length + rollout.ids.length)) - 1;
}

/** Prompts and answers as rows. Ownership: the tensors belong to the caller. */
export function answerRows(answers: readonly TrainingAnswer[], T: number): AnswerRows {
  const shape: [number, number] = [answers.length, T + 1];
  const size = shape[0] * shape[1];
  const [ids, isAnswer, isRead] = [new Int32Array(size), new Float32Array(size), new Float32Array(size)];
  for (const [b, { rollout }] of answers.entries()) {
    const start = b * (T + 1);
    const [prompt, all] = [rollout.promptIds.length, rollout.promptIds.length + rollout.ids.length];
    ids.set([...rollout.promptIds, ...rollout.ids], start);
    isAnswer.fill(1, start + prompt, start + all);
    isRead.fill(1, start, start + all - 1);
  }
  return {
    ids: tf.tensor2d(ids, shape, 'int32'),
    isAnswer: tf.tensor2d(isAnswer, shape),
    isRead: tf.tensor2d(isRead, shape),
  };
}
