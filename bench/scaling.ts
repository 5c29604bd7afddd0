// `npm run bench:scaling`: how a training step grows with the number of experts (it should hardly) and with the length of
// the sequences (by attention alone), around preset `peer-a`.
//
//   npm run bench:scaling -- --rounds 3

import { parseArgs } from 'node:util';
import { median } from '../src/bench/timing.ts';
import { formatTable } from '../src/cli/terminal/table.ts';
import { parseRounds, runJson, type StepResult, tinyseek } from './child.ts';
import { writeResults } from './machine.ts';

const expertCounts = [8, 16, 32, 64, 128];
const lengths = [128, 256, 512, 1024];
const tokensPerStep = 1024;

interface Point {
  readonly x: number;
  readonly msPerStep: number;
}

/** Median over the rounds of the step with these settings for each `x`; all `x` take turns. */
async function measure(
  xs: readonly number[],
  rounds: number,
  settings: (x: number) => readonly string[],
): Promise<Point[]> {
  const times = new Map(xs.map((x): [number, number[]] => [x, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [x, found] of times) {
      const result = await runJson<StepResult>(
        tinyseek('bench', 'step', '--preset', 'peer-a', '--backend', 'engine', ...settings(x)),
      );
      if (result === null) throw new Error(`no result for ${settings(x).join(' ')}`);
      console.error(`round ${round}, ${settings(x).join(' ')}: ${result.msPerStep.toFixed(2)} ms`);
      found.push(result.msPerStep);
    }
  }
  return [...times].map(([x, found]) => ({ x, msPerStep: median(found) }));
}

/** The line through the points with the least squares: time = linear + attention * T. */
function fitLine(points: readonly Point[]): { linear: number; attention: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanTime] = [mean(points.map(({ x }) => x)), mean(points.map(({ msPerStep }) => msPerStep))];
  const covariance = points.reduce((sum, { x, msPerStep }) => sum + (x - meanX) * (msPerStep - meanTime), 0);
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const attention = covariance / variance;
  return { linear: meanTime - attention * meanX, attention };
}

function print(title: string, rows: readonly (readonly string[])[]): void {
  console.log(`\n${title}\n`);
  console.log(formatTable(rows, Number.POSITIVE_INFINITY, [0, 1, 2, 3]).join('\n'));
}

const { values } = parseArgs({ options: { rounds: { type: 'string' } } });
const rounds = parseRounds(values.rounds);

// 8 experts in 4 groups: the 4 that a token goes to are all those of its 2 groups.
const experts = await measure(expertCounts, rounds, (count) => ['--set', `nRoutedExperts=${count}`]);
const sequences = await measure(lengths, rounds, (T) => [
  ...['--seq-len', `${T}`, '--batch-size', `${tokensPerStep / T}`],
  ...['--set', `maxPositionEmbeddings=${Math.max(...lengths)}`],
]);

const first = experts[0]!.msPerStep;
print('Routed experts, 4 of them active for each token', [
  ['experts', 'step', 'of the first'],
  ...experts.map(({ x, msPerStep }) => [`${x}`, `${msPerStep.toFixed(2)} ms`, `${(msPerStep / first).toFixed(2)}x`]),
]);

const { linear, attention } = fitLine(sequences);
const residuals = sequences.map(({ x, msPerStep }) => msPerStep - (linear + attention * x));
const worst = Math.max(...residuals.map((residual, i) => Math.abs(residual) / sequences[i]!.msPerStep));
print(`Sequences of T tokens, ${tokensPerStep} tokens a step`, [
  ['T', 'step', 'fit', 'residual'],
  ...sequences.map(({ x, msPerStep }, i) => [
    `${x}`,
    `${msPerStep.toFixed(2)} ms`,
    `${(linear + attention * x).toFixed(2)} ms`,
    `${residuals[i]!.toFixed(2)} ms`,
  ]),
]);
console.log(
  `\nFit: ${linear.toFixed(2)} ms + ${(attention * 1000).toFixed(2)} us * T; largest residual ${(100 * worst).toFixed(1)} % of the step`,
);
const path = writeResults('scaling', { rounds, experts, sequences, fit: { linear, attention, worst } });
console.log(`\nWritten to ${path}`);
