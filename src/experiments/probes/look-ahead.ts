// What multi-token prediction is for: answers that need looking ahead, and drafts that the main model would accept.

import type { Batch } from '../../data/types.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { acceptance } from './acceptance.ts';
import { type NamedTokens, namedTokens } from './named-tokens.ts';
import { openTrained, probeTokens } from './open-trained.ts';
import { add, none, type Tally } from './tally.ts';

/** Where the answers of a row stand: from after `=` to before the newline, those that the row has whole. */
export function answerSpans(ids: ArrayLike<number>): (readonly [start: number, end: number])[] {
  const text = String.fromCharCode(...Array.from(ids));
  return Array.from(text.matchAll(/=([^\n=]+)\n/g), ({ index, 1: answer = '' }) => [
    index + 1,
    index + 1 + answer.length,
  ]);
}

/**
 * Answers of which every token is named, which greedy decoding would write; and their tokens one by one, each given those
 * before it. Tokens are bytes.
 */
export function answersRight(
  { ids, batchSize, seqLen }: Batch,
  { main }: NamedTokens,
): { whole: Tally; tokens: Tally } {
  const rows = Array.from({ length: batchSize }, (_, row) =>
    ids.subarray(row * (seqLen + 1), (row + 1) * (seqLen + 1)),
  );
  const answers = rows.flatMap((row, r) =>
    answerSpans(row).map(([start, end]): Tally => {
      const right = row.subarray(start, end).filter((id, i) => main[r]?.[start + i - 1] === id).length;
      return { right, all: end - start };
    }),
  );
  const whole = answers.filter(({ right, all }) => right === all).length;
  return { whole: { right: whole, all: answers.length }, tokens: answers.reduce(add, none) };
}

/**
 * On held-out text, by domain: `acceptance/NAME` (and `acceptance2/NAME` at depth 2) where there is such a depth, and
 * `answers/NAME` and `answerTokens/NAME`, the shares of right answers and of right tokens in them, where the text has answers.
 */
export async function probeLookAhead(trained: TrainedArm): Promise<Measurements> {
  const { model, dataset } = await openTrained(trained);
  const { batchSize, documentMask } = trained.train;
  const found: Record<string, number> = {};
  for (const [index, name] of dataset.domains.entries()) {
    const sums = { acceptance: none, acceptance2: none, answers: none, answerTokens: none };
    for (const batch of dataset.heldOutBatches(index, batchSize, probeTokens)) {
      const named = namedTokens(model, batch, documentMask);
      sums.acceptance = add(sums.acceptance, acceptance(named, 1));
      sums.acceptance2 = add(sums.acceptance2, acceptance(named, 2));
      const { whole, tokens } = answersRight(batch, named);
      sums.answers = add(sums.answers, whole);
      sums.answerTokens = add(sums.answerTokens, tokens);
    }
    for (const [key, { right, all }] of Object.entries(sums)) if (all > 0) found[`${key}/${name}`] = right / all;
  }
  model.dispose();
  return found;
}
