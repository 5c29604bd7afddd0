// What multi-token prediction is for: answers that need looking ahead, and drafts that the main model would accept.

import type { Batch } from '../../data/types.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { acceptance } from './acceptance.ts';
import { type NamedTokens, namedTokens } from './named-tokens.ts';
import { openTrained, probeTokens } from './open-trained.ts';
import { add, none, type Tally } from './tally.ts';

/** The spans of the answers that lie completely in a row: from after `=` to before the newline. */
export function answerSpans(ids: ArrayLike<number>): (readonly [start: number, end: number])[] {
  const text = String.fromCharCode(...Array.from(ids));
  return Array.from(text.matchAll(/=([^\n=]+)\n/g), ({ index, 1: answer = '' }) => [
    index + 1,
    index + 1 + answer.length,
  ]);
}

/**
 * Counts the answers whose every token is predicted, which are those that greedy decoding would write, and the
 * predicted tokens of all answers, each given the tokens before it. Tokens are bytes.
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
 * Measures on the held-out text of each domain. `acceptance/NAME` and `acceptance2/NAME` are the acceptance of drafts
 * at depths 1 and 2, if the model has them. `answers/NAME` and `answerTokens/NAME` are the shares of right answers and
 * of right tokens in answers, if the text has answers.
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
