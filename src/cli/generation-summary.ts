// What generating cost, for people.

import type { SampleSet } from '../generate/batch/generate-samples.ts';
import { formatCount, plural } from './terminal/format.ts';
import { formatHeadedTable } from './terminal/table.ts';

const speed = (tokensPerSecond: number | null) => (tokensPerSecond === null ? '-' : formatCount(tokensPerSecond));
const percent = (share: number | null) => (share === null ? '-' : `${(100 * share).toFixed(1)} %`);

/** `128 tokens, 1.23 k tokens/s, prompt read in 0.012 s`, and why it ended where that is not what was asked for. */
export function describeSpeed(result: SampleSet, context: number, maxNewTokens: number): string {
  const { samples, newTokens, tokensPerSecond, prefillSeconds } = result;
  const isFull = samples.some(
    ({ finishReason, statistics }) => finishReason === 'length' && statistics.newTokens < maxNewTokens,
  );
  return [
    plural(newTokens, 'token'),
    ...(tokensPerSecond === null ? [] : [`${speed(tokensPerSecond)} tokens/s`]),
    `prompt read in ${prefillSeconds.toFixed(3)} s`,
    ...(isFull ? [`stopped at the end of the context of ${context} tokens`] : []),
  ].join(', ');
}

/**
 * Decoding with and without drafts, side by side, and what the difference comes to; `width` in cells of the terminal.
 */
export function comparison(
  plain: SampleSet,
  speculative: SampleSet,
  { drafts, isGreedy, width }: { readonly drafts: number; readonly isGreedy: boolean; readonly width: number },
): string[] {
  const row = (name: string, { tokensPerSecond, newTokens, forwardPasses, acceptanceRate }: SampleSet) => [
    name,
    speed(tokensPerSecond),
    String(forwardPasses),
    (newTokens / forwardPasses).toFixed(2),
    percent(acceptanceRate),
  ];
  const table = [
    ['', 'tokens/s', 'passes', 'tokens a pass', 'drafts kept'],
    row('plain', plain),
    row(plural(drafts, 'draft'), speculative),
  ];
  const lines = formatHeadedTable(table, width, [1, 2, 3, 4]);
  return ['', ...lines, '', gain(plain, speculative, isGreedy)];
}

function gain(plain: SampleSet, speculative: SampleSet, isGreedy: boolean): string {
  const saved = Math.max(0, speculative.newTokens - speculative.forwardPasses);
  const share = percent(saved / Math.max(1, speculative.newTokens));
  const ratio = (speculative.tokensPerSecond ?? Number.NaN) / (plain.tokensPerSecond ?? Number.NaN);
  const parts = [
    `${plural(saved, 'pass').replace('passs', 'passes')} of the main model saved (${share})`,
    ...(Number.isFinite(ratio) ? [`${ratio.toFixed(2)} times the speed`] : []),
    ...(isGreedy ? [sameText(plain, speculative)] : []),
  ];
  return parts.join(', ');
}

function sameText(plain: SampleSet, speculative: SampleSet): string {
  const [a, b] = [plain, speculative].map(({ samples }) => samples.map(({ ids }) => ids.join()).join(';'));
  return a === b ? 'the same text' : 'another text: two tokens were equally likely up to rounding';
}
