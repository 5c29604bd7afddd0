// The tables of docs/cluster.md, simulated anew each time; those of serving from the routing that the tests keep.

import { readFileSync } from 'node:fs';
import { trainingCost } from '../src/cluster/cost.ts';
import { parseRoutingTrace } from '../src/cluster/routing-trace.ts';
import {
  createSchedule,
  nearestMicroBatches,
  type ScheduleName,
  scheduleNames,
} from '../src/cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../src/cluster/schedule/timeline.ts';
import { overlapTimes } from '../src/cluster/serving/overlap.ts';
import { intervalsOf, type ServePlan, servePlan } from '../src/cluster/serving/serve-plan.ts';
import { type Phase, servingUnit } from '../src/cluster/serving/unit.ts';
import { h800 } from '../src/cluster/simulator/hardware.ts';
import { type SimulationOptions, simulateStep } from '../src/cluster/simulator/simulate.ts';
import { countTraffic } from '../src/cluster/simulator/traffic.ts';
import { modelPreset } from '../src/config/presets.ts';
import { table } from '../src/experiments/results-markdown.ts';

const model = modelPreset('deepseek-v3');
const trace = parseRoutingTrace(
  JSON.parse(readFileSync(new URL('../tests/cluster/data/routing.json', import.meta.url), 'utf8')),
  'tests/cluster/data/routing.json',
);

const step = (change: Partial<SimulationOptions> = {}) =>
  simulateStep({
    model,
    layout: { pp: 16, ep: 64, dp: 2 },
    schedule: 'dualpipe',
    microBatches: 120,
    seqLen: 4096,
    ...change,
  });

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const gigabytes = (bytes: readonly number[]) => `${(Math.max(...bytes) / 1e9).toFixed(1)} GB`;
const hours = (value: number) => `${(value / 1e3).toFixed(0)} K`;
const whole = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** The least and the most, or one number where they are the same. */
function span(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? String(low) : `${low} to ${high}`;
}

const formulas: Readonly<Partial<Record<ScheduleName, readonly [bubble: string, activations: string]>>> = {
  '1f1b': ['(PP - 1)(F + B) = 21', 'PP = 8'],
  zb1p: ['(PP - 1)(F + B - 2W) = 7', 'PP = 8'],
  dualpipe: ['(PP/2 - 1)(F&B + B - 3W) = 6', 'PP + 1 = 9'],
  dualpipev: ['(P - 1)(F&B + B - 3W) = 6', '2P + 1 = 9'],
};

export function scheduleTable(): string {
  const rows = scheduleNames.map((name) => {
    const ranks = name === 'dualpipev' ? 4 : 8;
    const schedule = createSchedule(name, ranks, 20);
    const { idle, peakActivations, makespan } = simulateSchedule(schedule, passDurations({ F: 1, B: 2, W: 1, FB: 3 }));
    const [bubble = '', activations = ''] = formulas[name] ?? [];
    const cells = [
      `\`${name}\``,
      ranks,
      schedule.stages,
      makespan,
      span(idle),
      bubble,
      span(peakActivations),
      activations,
    ];
    return cells.map(String);
  });
  const head = ['schedule', 'ranks', 'stages', 'step', 'a rank waits', 'table 2', 'most chunks held', 'table 2'];
  return table(head, rows);
}

export function stepTable(): string {
  const plain = { dispatch: 'bf16', copies: 'expert' } as const;
  const rows = scheduleNames.map((schedule) => {
    const microBatches = nearestMicroBatches(schedule, 16, 120);
    const [saving, naive] = [step({ schedule, microBatches }), step({ schedule, microBatches, ...plain })];
    return [
      `\`${schedule}\``,
      ...[saving, naive].flatMap((one) => [
        hours(one.gpuHoursPerTrillionTokens),
        percent(one.bubble),
        percent(one.exposedCommunication),
      ]),
      gigabytes(saving.memoryBytesPerRank),
    ];
  });
  const columns = ['GPU hours', 'bubble', 'only communicating'];
  return table(['schedule', ...columns, ...columns.map((name) => `plain: ${name}`), 'memory'], rows);
}

export function variationTable(): string {
  const nodes = (topkGroup: number) => ({ model: { ...model, topkGroup } });
  const processors = (communicationProcessors: number) => ({ hardware: { ...h800, communicationProcessors } });
  const variations: readonly (readonly [string, Partial<SimulationOptions>])[] = [
    ['as in the report', {}],
    ['M = 2 nodes a token', nodes(2)],
    ['M = 8 nodes a token', nodes(8)],
    ['one copy for each expert', { copies: 'expert' }],
    ['dispatch in BF16', { dispatch: 'bf16' }],
    ['both', { copies: 'expert', dispatch: 'bf16' }],
    ['4 processors communicate', processors(4)],
    ['10', processors(10)],
    ['40', processors(40)],
    ['experts in one node (ep=8, dp=16)', { layout: { pp: 16, ep: 8, dp: 16 } }],
    ['experts on 2 nodes (ep=16, dp=8)', { layout: { pp: 16, ep: 16, dp: 8 } }],
    ['experts on 32 nodes (ep=256, dp=1), M = 8', { ...nodes(8), layout: { pp: 8, ep: 256, dp: 1 }, microBatches: 60 }],
  ];
  const rows = variations.map(([label, change]) => {
    const [dualpipe, oneForward] = [step(change), step({ ...change, schedule: '1f1b' })];
    return [
      label,
      dualpipe.communicationToComputation.toFixed(2),
      hours(dualpipe.gpuHoursPerTrillionTokens),
      percent(dualpipe.exposedCommunication),
      hours(oneForward.gpuHoursPerTrillionTokens),
      percent(oneForward.exposedCommunication),
      gigabytes(dualpipe.memoryBytesPerRank),
    ];
  });
  const head = [
    '',
    'communication per computation',
    'dualpipe: GPU hours',
    'only communicating',
    '1f1b: GPU hours',
    'only communicating',
    'memory, dualpipe',
  ];
  return table(head, rows);
}

export function trafficTable(): string {
  const rows = trace.layers.map((layer, index) => {
    const choices = trace.texts.flatMap((text) => text.choices[index]!);
    const { infinibandCopies, infinibandCopiesPerExpert, mostInfinibandCopies, nvlinkCopies, imbalance } = countTraffic(
      choices,
      { experts: trace.experts, ranks: 16, gpusPerNode: 4 },
    );
    return [
      String(layer),
      infinibandCopies.toFixed(2),
      String(mostInfinibandCopies),
      infinibandCopiesPerExpert.toFixed(2),
      (infinibandCopiesPerExpert / infinibandCopies).toFixed(2),
      nvlinkCopies.toFixed(2),
      imbalance.toFixed(2),
    ];
  });
  const head = [
    'layer',
    'copies between nodes',
    'at most',
    'one for each expert',
    'saved',
    'copies inside nodes',
    'busiest rank / mean',
  ];
  return table(head, rows);
}

export function costTable(): string {
  const { preTraining, contextExtension, postTraining, total } = trainingCost(model);
  const row = (name: string, { gpuHours, dollars }: typeof total) => [name, whole(gpuHours), `$ ${whole(dollars)}`];
  return table(
    ['', 'H800 GPU hours', 'at $ 2'],
    [
      row('pre-training', preTraining),
      row('context extension', contextExtension),
      row('post-training', postTraining),
      row('total', total),
    ],
  );
}

function plan(phase: Phase): ServePlan {
  return servePlan(intervalsOf(trace, 4), servingUnit(phase, trace.experts), trace.groups);
}

export function servingTable(phase: Phase): string {
  const rows = plan(phase).intervals.map(({ interval, domain, before, kept, rebalanced, ideal }) => [
    String(interval),
    domain,
    ...[before, kept, rebalanced, ideal].map((value) => value.toFixed(2)),
  ]);
  return table(['interval', 'text', 'none redundant', 'placed once', 'rebalanced', 'ideal'], rows);
}

export function dynamicTable(): string {
  const rows = plan('prefill').intervals.map(({ interval, domain, rebalanced, ideal, dynamic }) => [
    String(interval),
    domain,
    ...[rebalanced, dynamic!, ideal].map((value) => value.toFixed(2)),
  ]);
  return table(['interval', 'text', 'rebalanced', 'and dynamic', 'ideal'], rows);
}

export function movesTable(): string {
  const rows = (['prefill', 'decode'] as const).map((phase) => {
    const { moves, unit, layers, experts } = plan(phase);
    const slots = layers * (experts + unit.shared + unit.redundant);
    const cells = [moves.fetchedAsPlaced, moves.fetched].map((fetched) => fetched.toFixed(1));
    return [phase, String(slots), ...cells, `${(moves.bytes / 1e9).toFixed(2)} GB`];
  });
  return table(['unit', 'slots', 'fetched, as placed', 'fetched, kept in place', 'if of DeepSeek-V3'], rows);
}

export function redundancyTable(): string {
  const rows = (['prefill', 'decode'] as const).flatMap((phase) => {
    const { unit, byRedundancy } = plan(phase);
    return byRedundancy.map(({ redundant, rebalanced, ideal }) => {
      const unitText = `${phase}, ${unit.gpus} GPUs`;
      return [unitText, String(redundant), rebalanced.toFixed(2), ideal.toFixed(2)];
    });
  });
  return table(['unit', 'redundant experts', 'rebalanced', 'ideal'], rows);
}

export function shiftTable(): string {
  const rows = (['prefill', 'decode'] as const).map((phase) => {
    const { shift } = plan(phase);
    return [phase, ...[shift!.settled, shift!.shifted, shift!.rebalanced].map((value) => value.toFixed(2))];
  });
  return table(['unit', 'text as before', 'another text', 'one interval later'], rows);
}

export function overlapTable(): string {
  const rows = (['prefill', 'decode'] as const).map((phase) => {
    const { parts, one, two } = overlapTimes(phase, 1);
    const cells = [...parts, one, two].map((seconds) => `${(1e3 * seconds).toPrecision(3)} ms`);
    return [phase, ...cells, (one / two).toFixed(2)];
  });
  return table(['unit', 'first part', 'second part', 'one micro-batch', 'two side by side', 'times as fast'], rows);
}
