// Rejection sampling on the screen: how far it is, and what came of it.

import type { SamplingSummary } from '../post-training/distil/sample-answers.ts';
import { createLiveBlock } from './terminal/live-block.ts';

/** How far it is, on a terminal. */
export function followSampling() {
  const block = process.stderr.isTTY ? createLiveBlock(process.stderr) : null;
  return {
    onProgress: (done: number, of: number) => {
      block?.draw([`answers to ${done} of ${of} problems`]);
      if (done === of) block?.end();
    },
  };
}

/** Example: `4,000 problems, 4 answers each: 98.1 % right, 100.0 % of the problems solved.` */
export function describeSampling({
  problems,
  samples,
  right,
  solved,
  kept,
  keptLength,
  meanLength,
}: SamplingSummary): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    `${problems} problems, ${samples} answers each: ${percent(right)} right, ${percent(solved)} of the problems solved.`,
    `Kept: ${kept} answers of ${keptLength.toFixed(1)} tokens (all answers: ${meanLength.toFixed(1)}).`,
  ];
}
