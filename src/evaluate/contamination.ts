// Whether problems that a model is measured on stand in the text that it was trained on.

import type { Problem } from './task.ts';

/** Words in a row that make a match, as in GPT-3's check; a shorter prompt is looked for as a whole. */
const run = 13;

/** Letters and digits in small letters, everything else a blank. */
function words(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Pieces of `length` words, joined. */
function* runsOf(list: readonly string[], length: number): Generator<string> {
  for (let start = 0; start + length <= list.length; start++) yield list.slice(start, start + length).join(' ');
}

/**
 * The problems of which something stands in one of the texts: 13 words in a row of prompt and answer, in any writing
 * and with any signs between them. Of a prompt with fewer than 13 words, the whole prompt, character by character.
 *
 * Source: Brown et al., arXiv:2005.14165, appendix C.
 */
export async function findContaminated(
  problems: readonly Problem[],
  texts: Iterable<string> | AsyncIterable<string>,
): Promise<ReadonlySet<Problem>> {
  const byRun = new Map<string, Problem[]>();
  const short: Problem[] = [];
  for (const problem of problems) {
    const list = words(`${problem.prompt} ${problem.answer}`);
    if (list.length < run) short.push(problem);
    for (const piece of runsOf(list, run)) byRun.set(piece, [...(byRun.get(piece) ?? []), problem]);
  }
  const found = new Set<Problem>();
  for await (const text of texts) {
    for (const problem of short) if (problem.prompt.trim() !== '' && text.includes(problem.prompt)) found.add(problem);
    if (byRun.size === 0) continue;
    for (const piece of runsOf(words(text), run)) for (const problem of byRun.get(piece) ?? []) found.add(problem);
  }
  return found;
}
