// `tinyseek cluster schedule`: what each rank of a pipeline does, and when.

import type { PassCosts, TimedOperation, Timeline } from '../../../cluster/schedule/timeline.ts';
import { UserError } from '../../../errors.ts';
import { defineCommand } from '../../command.ts';
import { jsonOption } from '../../common-options.ts';
import { outputWidth } from '../../output.ts';
import { wholeNumber } from '../../run-options.ts';
import { plural } from '../../terminal/format.ts';
import { formatHeadedTable } from '../../terminal/table.ts';
import { outOption } from './out-option.ts';
import { drawTimeline, pictureWidth } from './picture.ts';

const names = 'gpipe, 1f1b, interleaved-1f1b, zb1p, zbv, dualpipe, dualpipev';

export const scheduleCommand = defineCommand({
  name: 'schedule',
  summary: 'lay out a pipeline: what each rank does, and when',
  description: `Lays out one training step of a pipeline and simulates it, operation by operation. F, B, W and FB are
what a chunk (one stage, one micro-batch) costs: forward, the whole backward pass, the part of it that is for weights,
and a forward and a backward pass side by side.`,
  options: [
    { flags: '--schedule <name>', help: names, default: 'dualpipe' },
    { flags: '--ranks <n>', help: 'ranks of the pipeline', default: '8' },
    { flags: '--micro-batches <n>', help: 'micro-batches of the step, of both directions in dualpipe', default: '20' },
    { flags: '--costs <list>', help: 'what passes cost, in any unit', default: 'F=1,B=2,W=1,FB=3' },
    outOption,
    jsonOption,
  ],
  examples: [
    ['cluster schedule --schedule 1f1b --ranks 4 --micro-batches 8', 'one forward, one backward'],
    ['cluster schedule --ranks 8 --micro-batches 20 --out dualpipe.html', 'figure 5 of the report'],
    ['cluster schedule --schedule zbv --costs F=1,B=2,W=1 --out zbv.json', 'for ui.perfetto.dev'],
  ],
  run: async ({ schedule: name, ranks, microBatches, costs: costsText, out }) => {
    const { createSchedule, parseScheduleName } = await import('../../../cluster/schedule/schedules.ts');
    const { passDurations, simulateSchedule } = await import('../../../cluster/schedule/timeline.ts');
    const costs = parseCosts(costsText);
    const schedule = createSchedule(
      parseScheduleName(name),
      wholeNumber('--ranks', ranks),
      wholeNumber('--micro-batches', microBatches),
    );
    const timeline = simulateSchedule(schedule, passDurations(costs));
    const title = `${schedule.name}, ${plural(schedule.ranks, 'rank')}, ${plural(schedule.microBatches, 'micro-batch', 'micro-batches')}`;
    const written = out === undefined ? [] : await writeTimeline(out, title, timeline);
    const { makespan, idle, peakActivations } = timeline;
    const operations = timeline.operations.map((list) => list.map(flat));
    return {
      json: { schedule: schedule.name, costs, makespan, idle, peakActivations, operations },
      lines: [
        `${title}; F=${costs.F}, B=${costs.B}, W=${costs.W}, FB=${costs.FB}`,
        '',
        ...drawTimeline(timeline, pictureWidth()),
        '',
        ...rankTable(timeline),
        '',
        `The step takes ${round(makespan)}; ranks wait ${share(timeline)} of it.`,
        ...written,
      ],
    };
  },
});

/** An operation with its times, as `--json` has it. */
function flat({ operation, start, end }: TimedOperation) {
  return { ...operation, start, end };
}

async function writeTimeline(path: string, title: string, timeline: Timeline): Promise<string[]> {
  const { writeOut } = await import('./write-out.ts');
  return writeOut(path, { title, timeline, unit: 'in units of the costs', secondsPerUnit: 1e-3 });
}

/**
 * Reads `F=1,B=2,W=1,FB=3`; without FB it is F + B: side by side, and nothing is hidden.
 *
 * @throws {UserError} that shows how it is written
 */
function parseCosts(text: string): PassCosts {
  const found = new Map(
    text.split(',').map((part) => part.split('=', 2).map((word) => word.trim())) as [string, string][],
  );
  const cost = (name: string, usual: number): number => {
    const given = found.get(name);
    found.delete(name);
    const value = given === undefined ? usual : Number(given);
    if (given !== '' && Number.isFinite(value) && value > 0 && value < 1e12) return value;
    throw new UserError(
      `--costs: ${name}: expected a number above 0, as in F=1,B=2,W=1,FB=3; found ${JSON.stringify(given)}`,
    );
  };
  const [F, B, W] = [cost('F', 1), cost('B', 2), cost('W', 1)];
  const FB = cost('FB', F + B);
  const unknown = [...found.keys()][0];
  if (unknown !== undefined)
    throw new UserError(
      `--costs: expected F=1,B=2,W=1,FB=3, found ${JSON.stringify(unknown)} in ${JSON.stringify(text)}`,
    );
  if (W >= B) throw new UserError(`--costs: W (${W}) is a part of B (${B}) and must be less; try W=${B / 2}`);
  return { F, B, W, FB };
}

const round = (value: number) => String(Number(value.toPrecision(6)));

function share({ idle, makespan }: Timeline): string {
  const mean = idle.reduce((sum, one) => sum + one, 0) / idle.length;
  return `${((100 * mean) / makespan).toFixed(1)} %`;
}

function rankTable({ idle, peakActivations, operations }: Timeline): string[] {
  const rows = idle.map((time, rank) => [
    `rank ${rank}`,
    round(time),
    String(peakActivations[rank]),
    String(operations[rank]!.length),
  ]);
  return formatHeadedTable([['', 'waits', 'most chunks held', 'operations'], ...rows], outputWidth(), [1, 2, 3]);
}
