// `tinyseek cost`: what a training costs in GPU hours and money, and what a run of one's own took.

import type { TrainingCost } from '../../cluster/cost.ts';
import type { RunCost } from '../run-cost.ts';
import { UserError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import { outputWidth } from '../output.ts';
import { modelOptions } from '../run-options.ts';
import { formatCount, formatDuration, formatExact } from '../terminal/format.ts';
import { formatHeadedTable, formatTable } from '../terminal/table.ts';

export const costCommand = defineCommand({
  name: 'cost',
  summary: 'reckon what a training costs: table 1 of the report',
  description: `Reckons the GPU hours and the price of a training from the numbers of the report, which are for DeepSeek-V3
on H800 GPUs. Another model is charged in proportion to its arithmetic. With a run folder, what that run took on this
machine stands beside it; it is not turned into money.`,
  arguments: [{ syntax: '[run]', help: 'a run folder, to see what it took' }],
  options: [
    ...modelOptions,
    { flags: '--tokens <n>', help: 'tokens of pre-training (default: 14.8e12)' },
    { flags: '--gpu-hour-price <x>', help: 'dollars for an hour of a GPU (default: 2)' },
    { flags: '--gpus <n>', help: 'GPUs, for the days it takes (default: 2048)' },
    jsonOption,
  ],
  examples: [
    ['cost --preset deepseek-v3', 'table 1 of the report'],
    ['cost --preset deepseek-v2-lite --tokens 5.7e12 --gpu-hour-price 3', 'another model and price'],
    ['cost --preset deepseek-v3 runs/first', 'beside a run of your own'],
  ],
  run: async (run, options) => {
    const { trainingCost } = await import('../../cluster/cost.ts');
    const { resolveOptions } = await import('../config-file.ts');
    const { preset, model } = resolveOptions(options);
    const cost = trainingCost(model, amounts(options));
    const measured = run === undefined ? null : (await import('../run-cost.ts')).runCost(run);
    return {
      json: measured === null ? cost : { ...cost, run: measured },
      lines: [`Preset ${preset}`, '', ...costTable(cost), '', ...cost.assumptions, ...runLines(measured)],
    };
  },
});

function amounts(options: { readonly tokens?: string; readonly gpuHourPrice?: string; readonly gpus?: string }) {
  const names = { tokens: '--tokens', gpuHourPrice: '--gpu-hour-price', gpus: '--gpus' } as const;
  const given: { tokens?: number; gpuHourPrice?: number; gpus?: number } = {};
  for (const [key, flag] of Object.entries(names) as [keyof typeof names, string][]) {
    const text = options[key];
    if (text === undefined) continue;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(Number.isFinite(value) && value > 0))
      throw new UserError(`${flag}: expected a number above 0, such as 14.8e12, found ${JSON.stringify(text)}`);
    given[key] = value;
  }
  return given;
}

function costTable(cost: TrainingCost): string[] {
  const { preTraining, contextExtension, postTraining, total, days, daysPerTrillionTokens, gpus, tokens } = cost;
  const parts = [
    [`pre-training, ${formatCount(tokens)} tokens`, preTraining],
    ['context extension', contextExtension],
    ['post-training', postTraining],
    ['total', total],
  ] as const;
  const rows = parts.map(([name, { gpuHours, dollars }]) => [name, formatExact(gpuHours), `$ ${formatExact(dollars)}`]);
  const facts = [
    ['GPU hours a trillion tokens', formatExact(cost.gpuHoursPerTrillionTokens)],
    [`Days a trillion tokens, ${formatExact(gpus)} GPUs`, daysPerTrillionTokens.toPrecision(3)],
    [`Days of pre-training, ${formatExact(gpus)} GPUs`, days.toPrecision(3)],
    ['FLOPs per token', formatCount(cost.flopsPerToken)],
    ['FLOPs per second of a GPU', formatCount(cost.flopsPerGpuSecond)],
  ];
  return [
    ...formatHeadedTable([['', 'GPU hours', `at $ ${cost.gpuHourPrice} an hour`], ...rows], outputWidth(), [1, 2]),
    '',
    ...formatTable(facts, outputWidth(), [1]),
  ];
}

function runLines(measured: RunCost | null): string[] {
  if (measured === null) return [];
  const { run, tokens, seconds, hoursPerMillionTokens, flopsPerSecond } = measured;
  const rows = [
    ['Tokens', formatExact(tokens)],
    ['Wall clock', formatDuration(seconds)],
    ['Hours for a million tokens', hoursPerMillionTokens.toPrecision(3)],
    ['FLOPs per second', formatCount(flopsPerSecond)],
  ];
  return [
    '',
    `Measured in ${run}, on the machine that it ran on; this is not a price:`,
    ...formatTable(rows, outputWidth(), [1]),
  ];
}
