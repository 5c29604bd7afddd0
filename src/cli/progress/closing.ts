// What a training run says last: how good the model is, where everything lies, and what to do next.

import type { TrainResult } from '../../train/events.ts';
import { invocation, shellWord } from '../invocation.ts';
import { displayWidth } from '../terminal/cells.ts';
import { formatCount, formatDuration, plural } from '../terminal/format.ts';
import type { Line } from '../terminal/print.ts';
import { alignColumns } from '../terminal/table.ts';

export interface Closing {
  readonly result: TrainResult;
  /** What Brotli needs for the same held-out text. */
  readonly brotliBitsPerByte: number;
  readonly report: string;
}

function comparison(model: number, brotli: number): string {
  const percent = Math.abs(100 * (1 - model / brotli)).toFixed(1);
  const verdict = `the model needs ${percent} % ${model < brotli ? 'less' : 'more'}`;
  return `Held-out text: ${model.toFixed(3)} bits per byte; Brotli needs ${brotli.toFixed(3)} for the same text (${verdict}).`;
}

function places({ result, report }: Closing): [string, string][] {
  return [
    ['Run folder', result.run],
    ['Checkpoint', result.checkpoint],
    ['Report', report],
  ];
}

function suggestions({ result }: Closing): [string, string][] {
  const command = invocation();
  const run = shellWord(result.run);
  return [
    ['measure it', `${command} eval ${run}`],
    ['let it write', `${command} generate ${run} --prompt "Call me"`],
    ['score a text', `${command} score ${run} --text "Call me Ishmael."`],
    ['compare runs', `${command} report ${run} OTHER_RUN --out compare.html`],
    ['your own text', `${command} train --data notes.txt`],
  ];
}

/** Label and what is to be pasted side by side, or below each other where that is too wide. */
export function labelled(rows: readonly (readonly [string, string])[], width: number): Line[] {
  const table = alignColumns(rows.map(([label, text]) => [`  ${label}`, text]));
  if (table.every((line) => displayWidth(line) <= width)) return table;
  return rows.flatMap(([label, text]) => [`${label}:`, { command: text }]);
}

/** The lines after a run that reached its end. */
export function closingLines(closing: Closing, width: number): Line[] {
  const { steps, seconds, tokensPerSecond, bitsPerByte } = closing.result;
  const summary = `Done: ${plural(steps, 'step')} in ${formatDuration(seconds)}, ${formatCount(tokensPerSecond)} tokens/s.`;
  return [
    '',
    summary,
    comparison(bitsPerByte, closing.brotliBitsPerByte),
    '',
    ...labelled(places(closing), width),
    '',
    'What to do next:',
    ...labelled(suggestions(closing), width),
  ];
}

/** The lines after a run that was interrupted. */
export function interruptedLines({ result, report }: Closing, width: number): Line[] {
  const rows: [string, string][] = [
    ['Checkpoint', result.checkpoint],
    ['Report', report],
    ['Carry on', `${invocation()} train --resume ${shellWord(result.run)}`],
  ];
  return ['', `Stopped after ${plural(result.steps, 'step')}; nothing is lost.`, '', ...labelled(rows, width)];
}
