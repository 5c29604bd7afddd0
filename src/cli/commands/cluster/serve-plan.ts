// `tinyseek cluster serve-plan`: how evenly a serving unit is loaded, with redundant experts, as the text changes.

import type { OverlapTimes } from '../../../cluster/serving/overlap.ts';
import type { ServePlan } from '../../../cluster/serving/serve-plan.ts';
import { UserError } from '../../../errors.ts';
import { renderServing } from '../../../report/lazy.ts';
import { defineCommand } from '../../command.ts';
import { jsonOption } from '../../common-options.ts';
import { outputWidth } from '../../output.ts';
import { wholeNumber } from '../../run-options.ts';
import { formatBytes, plural } from '../../terminal/format.ts';
import { formatHeadedTable } from '../../terminal/table.ts';
import { writePage } from '../../write-report.ts';
import { readTrace, traceHelp } from './read-trace.ts';

export const servePlanCommand = defineCommand({
  name: 'serve-plan',
  summary: 'plan redundant experts for serving, on recorded routing',
  description:
    'Places the experts of a model on the GPUs of a serving unit and says how busy the busiest one is, ' +
    'without and with redundant experts, as the text changes and experts are placed anew in every ' +
    "interval. The units are the report's: prefill has 32 GPUs with 8 + 1 of 256 experts each, decode has " +
    '320 with one each; fewer for a model with fewer experts.',
  options: [
    { flags: '--trace <file>', help: traceHelp, isRequired: true },
    { flags: '--phase <phase>', help: 'which unit', choices: ['prefill', 'decode'], default: 'prefill' },
    { flags: '--gpus <n>', help: 'GPUs of the unit (default: as in the report)' },
    { flags: '--redundant <n>', help: 'redundant experts (default: as in the report)' },
    { flags: '--intervals <n>', help: 'intervals of each text of the trace', default: '4' },
    { flags: '--out <file>', help: 'write a page with charts (.html)' },
    jsonOption,
  ],
  examples: [
    ['cluster serve-plan --trace routing.json --phase prefill', 'the unit that reads prompts'],
    ['cluster serve-plan --trace routing.json --phase decode --out decode.html', 'the unit that writes, as a page'],
  ],
  run: async ({ trace: path, phase, out, intervals, ...options }) => {
    const { intervalsOf, servePlan } = await import('../../../cluster/serving/serve-plan.ts');
    const { overlapTimes } = await import('../../../cluster/serving/overlap.ts');
    const { servingUnit } = await import('../../../cluster/serving/unit.ts');
    if (out !== undefined && !out.endsWith('.html'))
      throw new UserError(`--out: expected a name that ends in .html, found ${JSON.stringify(out)}`);
    const trace = readTrace(path);
    const unit = servingUnit(phase, trace.experts, {
      ...(options.gpus === undefined ? {} : { gpus: wholeNumber('--gpus', options.gpus) }),
      ...(options.redundant === undefined ? {} : { redundant: countOf('--redundant', options.redundant) }),
    });
    const plan = servePlan(intervalsOf(trace, wholeNumber('--intervals', intervals)), unit, trace.groups);
    const { byRedundancy } = plan;
    const used = byRedundancy.find(({ redundant }) => redundant === unit.redundant) ?? byRedundancy.at(-1)!;
    const overlap = overlapTimes(phase, used.rebalanced);
    const title = titleOf(plan);
    const notes = notesOf(plan, overlap);
    if (out !== undefined) {
      await writePage(out, () => renderServing({ ...plan, title, notes, facts: factsOf(plan, overlap) }));
    }
    return {
      json: { phase, ...plan, overlap },
      lines: [
        title,
        '',
        ...intervalTable(plan),
        '',
        ...redundancyTable(plan),
        '',
        ...notes,
        ...(out === undefined ? [] : ['', `Report: ${out}`]),
      ],
    };
  },
});

/** A number of things there may be none of. */
function countOf(option: string, text: string): number {
  return text === '0' ? 0 : wholeNumber(option, text);
}

function titleOf({ unit, experts }: ServePlan): string {
  const { phase, gpus, redundant, shared } = unit;
  const also = shared > 0 ? ' and the shared one' : '';
  return `${phase}: ${experts} experts${also} and ${redundant} redundant on ${plural(gpus, 'GPU')}`;
}

function intervalTable({ intervals, dynamic }: ServePlan): string[] {
  const rows = intervals.map(({ interval, domain, before, kept, rebalanced, ideal, dynamic, fetched }) => [
    String(interval),
    domain,
    ...[before, kept, rebalanced, ideal, ...(dynamic === null ? [] : [dynamic])].map((value) => value.toFixed(3)),
    String(fetched),
  ]);
  const head = ['interval', 'text', 'none redundant', 'placed once', 'rebalanced', 'ideal'];
  const added = [...(dynamic === null ? [] : ['dynamic']), 'fetched'];
  return formatHeadedTable([[...head, ...added], ...rows], outputWidth(), [2, 3, 4, 5, 6, 7]);
}

function redundancyTable({ byRedundancy }: ServePlan): string[] {
  const rows = byRedundancy.map(({ redundant, rebalanced, ideal }) => [
    String(redundant),
    rebalanced.toFixed(3),
    ideal.toFixed(3),
  ]);
  return formatHeadedTable([['redundant experts', 'rebalanced', 'ideal'], ...rows], outputWidth(), [0, 1, 2]);
}

function notesOf({ unit, shift, dynamic, moves }: ServePlan, overlap: OverlapTimes): string[] {
  const later = {
    prefill: 'The later public deployment: 32 GPUs, 9 routed experts and 1 shared a GPU, attention not split.',
    decode: 'The later public deployment: 128 GPUs in the profiles, 144 in the overview that followed, and not 320.',
  };
  return [
    'The load of the busiest GPU, as a multiple of the mean over GPUs and layers: all wait for it.',
    ...(shift === null
      ? []
      : [
          `Rebalanced in every interval: ${shift.settled.toFixed(3)} while the text stays the same, ` +
            `${shift.shifted.toFixed(3)} when it changes, ${shift.rebalanced.toFixed(3)} one interval later.`,
        ]),
    ...(dynamic === null
      ? []
      : [
          `Dynamic: each GPU holds ${dynamic.held} experts and uses at most ${dynamic.used} in a step; tokens are ` +
            'shared out among those that hold their experts before each layer.',
        ]),
    `A rebalance fetches ${moves.fetched.toFixed(1)} experts from other GPUs (${formatBytes(moves.bytes)} if they ` +
      `were DeepSeek-V3's), and ${moves.fetchedAsPlaced.toFixed(1)} if nothing is kept in place.`,
    `Two micro-batches side by side: ${times(overlap)} (DeepSeek-V3, simulated).`,
    later[unit.phase],
  ];
}

function times({ one, two }: OverlapTimes): string {
  const milliseconds = (seconds: number) => `${(seconds * 1e3).toPrecision(3)} ms`;
  return `a layer takes ${milliseconds(two)} instead of ${milliseconds(one)}, ${(one / two).toFixed(2)} times as fast`;
}

function factsOf({ unit, shift, byRedundancy, moves }: ServePlan, overlap: OverlapTimes): [string, string][] {
  return [
    ['GPUs, nodes', `${unit.gpus}, ${unit.nodes}`],
    ['Redundant experts', String(unit.redundant)],
    ...byRedundancy.map(({ redundant, rebalanced, ideal }): [string, string] => [
      `Busiest GPU with ${redundant} redundant experts`,
      `${rebalanced.toFixed(3)} rebalanced, ${ideal.toFixed(3)} ideal`,
    ]),
    ...(shift === null ? [] : [['When the text changes', shift.shifted.toFixed(3)] as [string, string]]),
    ['Experts that a rebalance fetches', `${moves.fetched.toFixed(1)}, ${formatBytes(moves.bytes)} in DeepSeek-V3`],
    ['Two micro-batches side by side', times(overlap)],
  ];
}
