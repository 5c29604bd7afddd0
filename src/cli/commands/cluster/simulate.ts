// `tinyseek cluster simulate`: a training step on the cluster of the report.

import type { Hardware } from '../../../cluster/simulator/hardware.ts';
import type { Simulation } from '../../../cluster/simulator/simulate.ts';
import type { Traffic } from '../../../cluster/simulator/traffic.ts';
import type { Layout } from '../../../cluster/layout.ts';
import type { ScheduleName } from '../../../cluster/schedule/schedules.ts';
import { UserError } from '../../../errors.ts';
import type { ModelConfig } from '../../../config/model-config.ts';
import { defineCommand } from '../../command.ts';
import { jsonOption } from '../../common-options.ts';
import { outputWidth } from '../../output.ts';
import { modelOptions, wholeNumber } from '../../run-options.ts';
import { formatBytes, formatCount, formatExact, plural } from '../../terminal/format.ts';
import { formatTable } from '../../terminal/table.ts';
import { outOption } from './out-option.ts';
import { readTrace, traceHelp } from './read-trace.ts';

export const simulateCommand = defineCommand({
  name: 'simulate',
  summary: 'simulate a training step on the H800 cluster of the report',
  description: `Simulates a training step on nodes of 8 H800 GPUs: what the pipeline costs, what of the communication between
nodes shows, what a rank keeps in memory. The assumptions and their sources are in docs/cluster.md.`,
  options: [
    ...modelOptions,
    {
      flags: '--layout <list>',
      help: 'pipeline stages, ranks that share experts, copies',
      default: 'pp=16,ep=64,dp=2',
    },
    { flags: '--schedule <name>', help: 'one of those of `cluster schedule`', default: 'dualpipe' },
    {
      flags: '--micro-batches <n>',
      help: "of one sequence, through each pipeline (default: the report's 15,360 shared)",
    },
    { flags: '--communication-sms <n>', help: 'processors of a GPU that communicate, of 132', default: '20' },
    { flags: '--dispatch <format>', help: 'how tokens are sent to experts', choices: ['fp8', 'bf16'], default: 'fp8' },
    {
      flags: '--copies <per>',
      help: 'of a token between nodes: one per node, or per expert',
      choices: ['node', 'expert'],
      default: 'node',
    },
    { flags: '--gpus-per-node <n>', help: 'GPUs of a node', default: '8' },
    { flags: '--trace <file>', help: `${traceHelp}, in place of an even choice of experts` },
    outOption,
    jsonOption,
  ],
  examples: [
    ['cluster simulate --preset deepseek-v3', 'as the report trained'],
    ['cluster simulate --preset deepseek-v3 --schedule 1f1b', 'what is hidden there shows here'],
    ['cluster simulate --preset deepseek-v3 --set topkGroup=8', 'tokens may reach all nodes'],
  ],
  run: async (options) => {
    const { parseLayout, layoutText } = await import('../../../cluster/layout.ts');
    const { parseScheduleName } = await import('../../../cluster/schedule/schedules.ts');
    const { simulateStep } = await import('../../../cluster/simulator/simulate.ts');
    const { resolveOptions } = await import('../../config-file.ts');
    const { preset, model, train } = resolveOptions({ ...options, preset: options.preset ?? 'deepseek-v3' });
    const layout = parseLayout(options.layout);
    const schedule = parseScheduleName(options.schedule);
    const hardware = await hardwareOf(options.communicationSms, options.gpusPerNode);
    const simulation = simulateStep({
      model,
      layout,
      schedule,
      microBatches:
        options.microBatches === undefined
          ? await usualMicroBatches(schedule, layout)
          : wholeNumber('--micro-batches', options.microBatches),
      seqLen: train.seqLen,
      hardware,
      dispatch: options.dispatch,
      copies: options.copies,
      ...(options.trace === undefined ? {} : { traffic: await tracedTraffic(options.trace, model, layout, hardware) }),
    });
    const title = `${preset}, ${layoutText(layout)}, ${schedule}`;
    const written = options.out === undefined ? [] : await write(options.out, title, simulation, model, train.seqLen);
    return { json: summary(simulation), lines: [title, '', ...table(simulation, hardware), ...written] };
  },
});

/**
 * The report's batch of 15,360 sequences shared among the pipelines, at most 256 (then a step only repeats itself) and
 * enough to fill a pipeline; the nearest number that the schedule takes.
 */
async function usualMicroBatches(schedule: ScheduleName, { pp, ep, dp }: Layout): Promise<number> {
  const { nearestMicroBatches } = await import('../../../cluster/schedule/schedules.ts');
  const shared = Math.min(256, Math.ceil(15_360 / (ep * dp)));
  return nearestMicroBatches(schedule, pp, Math.max(shared, 2 * pp));
}

async function hardwareOf(communicationSms: string, gpusPerNode: string): Promise<Hardware> {
  const { h800 } = await import('../../../cluster/simulator/hardware.ts');
  const communicationProcessors = wholeNumber('--communication-sms', communicationSms);
  if (communicationProcessors >= h800.processors)
    throw new UserError(
      `--communication-sms: ${communicationProcessors} of ${h800.processors} leave none to compute; try ${h800.communicationProcessors}`,
    );
  return { ...h800, communicationProcessors, gpusPerNode: wholeNumber('--gpus-per-node', gpusPerNode) };
}

async function tracedTraffic(path: string, model: ModelConfig, layout: Layout, hardware: Hardware): Promise<Traffic> {
  const { requireSameModel } = await import('../../../cluster/routing-trace.ts');
  const { checkExperts } = await import('../../../cluster/simulator/check-layout.ts');
  const { countTraffic, meanTraffic } = await import('../../../cluster/simulator/traffic.ts');
  const trace = readTrace(path);
  requireSameModel(trace, model);
  checkExperts(model, layout, hardware);
  const placement = { experts: trace.experts, ranks: layout.ep, gpusPerNode: hardware.gpusPerNode };
  const layers = trace.layers.map((_, layer) => trace.texts.flatMap(({ choices }) => choices[layer]!));
  return meanTraffic(layers.map((choices) => countTraffic(choices, placement)));
}

/** What `--json` prints. */
function summary({ timeline: _timeline, plan: _plan, ...simulation }: Simulation) {
  return simulation;
}

const seconds = (value: number) => (value < 0.01 ? `${(value * 1e6).toPrecision(3)} us` : `${value.toPrecision(4)} s`);
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function table(simulation: Simulation, hardware: Hardware): string[] {
  const { traffic, memory, memoryBytesPerRank } = simulation;
  const largest = memory.reduce((a, b) => (b.total > a.total ? b : a));
  const most = Math.max(...memoryBytesPerRank);
  const rows = [
    [
      'Step',
      `${simulation.stepSeconds.toPrecision(4)} s`,
      `${formatCount(simulation.tokensPerStep)} tokens, ${plural(simulation.gpus, 'GPU')}`,
    ],
    ['  a rank waits (bubble)', percent(simulation.bubble), ''],
    ['  a rank only communicates', percent(simulation.exposedCommunication), ''],
    ['  gradients and parameters of copies', seconds(simulation.dataParallelSeconds), 'at the end of the step'],
    ['Tokens per second of a GPU', formatExact(simulation.tokensPerGpuSecond), ''],
    ['GPU hours a trillion tokens', formatCount(simulation.gpuHoursPerTrillionTokens), ''],
    [
      'Communication for computation',
      simulation.communicationToComputation.toFixed(2),
      'seconds for a second, if nothing were hidden',
    ],
    [
      'Copies of a token between nodes',
      traffic.infinibandCopies.toFixed(2),
      `at most ${traffic.mostInfinibandCopies}; one per expert would be ${traffic.infinibandCopiesPerExpert.toFixed(2)}`,
    ],
    ['Copies inside nodes', traffic.nvlinkCopies.toFixed(2), ''],
    ['Most loaded rank', `${traffic.imbalance.toFixed(2)} x`, 'the mean'],
    [
      'Memory of the fullest rank',
      formatBytes(most),
      most > hardware.memoryBytes
        ? `more than the ${formatBytes(hardware.memoryBytes)} of a GPU`
        : `of ${formatBytes(hardware.memoryBytes)}`,
    ],
    ['  parameters, gradients', `${formatBytes(largest.parameters)}, ${formatBytes(largest.gradients)}`, ''],
    ['  optimizer, activations', `${formatBytes(largest.optimizer)}, ${formatBytes(largest.activations)}`, ''],
  ];
  return formatTable(rows, outputWidth(), [1]);
}

async function write(path: string, title: string, simulation: Simulation, model: ModelConfig, seqLen: number) {
  const { activationBytes } = await import('../../../cluster/simulator/work.ts');
  const { writeOut } = await import('./write-out.ts');
  const perChunk = (activationBytes(model) * seqLen) / simulation.plan.stages / 1e9;
  return writeOut(path, {
    title,
    timeline: simulation.timeline,
    unit: 'seconds',
    secondsPerUnit: 1,
    activations: { name: 'GB', of: () => perChunk },
    facts: [
      ['Step, with what copies exchange at its end', `${simulation.stepSeconds.toPrecision(4)} s`],
      ['Of that, a rank waits', percent(simulation.bubble)],
      ['Of that, a rank only communicates', percent(simulation.exposedCommunication)],
      ['GPU hours a trillion tokens', formatCount(simulation.gpuHoursPerTrillionTokens)],
      ['Memory of the fullest rank', formatBytes(Math.max(...simulation.memoryBytesPerRank))],
    ],
  });
}
