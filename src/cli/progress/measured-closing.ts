// What a run that measures a task says last: the task before and after, where everything lies, and what to do next.

import type { JsonObject } from '../../io/json.ts';
import { invocation, shellWord } from '../invocation.ts';
import { formatDuration, plural } from '../terminal/format.ts';
import type { Line } from '../terminal/print.ts';
import { keepMeasured } from '../keep-evaluations.ts';
import { type Closing, labelled } from './closing.ts';

/** How a run ends on the screen: what is printed, and what `--json` prints. */
export interface Ending {
  readonly lines: (closing: Closing, width: number) => Line[];
  readonly interrupted: (closing: Closing, width: number) => Line[];
  readonly json: (closing: Closing) => object;
  /** Is called first, with what is to be kept in the run folder. */
  readonly keep?: (result: Closing['result']) => void;
}

/** The ending of a run of a command that trains for a task. */
export function measuredClosing(command: string): Ending {
  const places = ({ result, report }: Closing): [string, string][] => [
    ['Run folder', result.run],
    ['Checkpoint', result.checkpoint],
    ['Report', report],
  ];
  return {
    lines: (closing, width) => {
      const { result } = closing;
      const run = shellWord(result.run);
      return [
        '',
        `Done: ${plural(result.steps, 'step')} in ${formatDuration(result.seconds)}.`,
        ...comparison(result.measured),
        '',
        ...labelled(places(closing), width),
        '',
        'What to do next:',
        ...labelled([['let it answer', `${invocation()} generate ${run} --prompt "0b*bb*aa:"`]], width),
      ];
    },
    interrupted: ({ result, report }, width) => {
      const resume = `${invocation()} ${command} --resume ${shellWord(result.run)}`;
      const rows: [string, string][] = [
        ['Checkpoint', result.checkpoint],
        ['Report', report],
        ['Carry on', resume],
      ];
      return ['', `Stopped after ${plural(result.steps, 'step')}; nothing is lost.`, '', ...labelled(rows, width)];
    },
    json: ({ result: { finished: _, measured, ...result } }) => ({ ...result, ...measured }),
    keep: keepMeasured,
  };
}

/** Numbers of the task before and after. */
function comparison(measured: Closing['result']['measured']): string[] {
  if (measured === undefined) return [];
  const { before, after } = measured;
  const percent = (value: unknown) => `${(100 * Number(value)).toFixed(1)} %`;
  const change = (key: string, show: (value: unknown) => string) => `${show(before[key])} -> ${show(after[key])}`;
  return [
    `pass@1 ${change('passAt1', percent)} (95 %: ${interval(before)} -> ${interval(after)}), ` +
      `pass@${Number(after.k)} ${change('passAtK', percent)}`,
    `tokens an answer ${change('meanLength', (value) => Number(value).toFixed(1))}, ended ${change('ended', percent)}`,
    ...examples(before, after),
  ];
}

function interval({ interval }: JsonObject): string {
  const bounds = Array.isArray(interval) ? interval.map((bound) => (100 * Number(bound)).toFixed(0)) : [];
  return bounds.join(' to ');
}

/** The first answers, before and after. */
function examples(before: JsonObject, after: JsonObject): string[] {
  const of = ({ examples }: JsonObject) => (Array.isArray(examples) ? (examples as JsonObject[]) : []);
  const [first, second] = [of(before), of(after)];
  return second.flatMap((example, i) => {
    const mark = (one: JsonObject | undefined) =>
      `${String(one?.completion)} (${one?.isRight === true ? 'right' : 'wrong'})`;
    return [`  ${String(example.prompt)}  ${mark(first[i])}  ->  ${mark(example)}`];
  });
}
