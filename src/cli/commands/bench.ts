// `tinyseek bench`: how fast training steps, decoding and kernels are on this machine.

import type { DomainGeneration } from '../../bench/generation.ts';
import type { OpBench, OpsBench } from '../../bench/ops.ts';
import type { StepBench } from '../../bench/step.ts';
import { requireTrainable } from '../../config/presets.ts';
import { noDefaults } from '../../generate/generation-defaults.ts';
import { backendOptions, engineOptions, parseBackendFlags, parseBackendOptions } from '../backend-option.ts';
import { defineCommand, defineGroup } from '../command.ts';
import { checkpointArgument, heldOutOption, jsonOption } from '../common-options.ts';
import { outputWidth } from '../output.ts';
import { modelOptions, precisionOption, wholeNumber } from '../run-options.ts';
import { parseDrafts, parseSampling } from '../sampling-options.ts';
import { formatBytes, formatExact, formatMeasured, plural } from '../terminal/format.ts';
import { formatHeadedTable, formatTable } from '../terminal/table.ts';

const stepCommand = defineCommand({
  name: 'step',
  description: 'time whole optimizer steps on random tokens: median, tokens per second, GFLOP/s, memory',
  options: [
    ...modelOptions,
    { flags: '--batch-size <n>', help: 'sequences per step' },
    { flags: '--seq-len <n>', help: 'tokens per sequence' },
    precisionOption,
    { flags: '--steps <n>', help: 'steps to time, after a warm-up (default: at least 15, for 2 seconds)' },
    ...backendOptions(),
    jsonOption,
  ],
  examples: [
    ['bench step --preset peer-a', 'the size of the PyTorch comparison'],
    ['bench step --threads 1 --set nRoutedExperts=32', 'what a change costs'],
    ['bench step --preset peer-a --precision fp8', 'what 8-bit products cost'],
  ],
  /** Settings as for `train`, except that `--steps` says how many steps to time. */
  run: async ({ steps, ...options }) => {
    const timedSteps = steps === undefined ? null : wholeNumber('--steps', steps);
    const { resolveOptions } = await import('../config-file.ts');
    const { preset, model, train } = resolveOptions(options);
    requireTrainable(preset);
    const choice = parseBackendFlags(options);
    const { benchStep } = await import('../../bench/step.ts');
    const { startBackend } = await import('../start-backend.ts');
    const { name, threads, engineVariant } = await startBackend(choice);
    const result = await benchStep(model, train, timedSteps);
    const on = [
      `backend ${name}`,
      ...(threads === null ? [] : [plural(threads, 'thread')]),
      ...(engineVariant === null ? [] : [`variant ${engineVariant}`]),
      ...(train.precision === 'fp8' ? ['products in FP8 (emulated)'] : []),
    ];
    return {
      json: { preset, precision: train.precision, backend: name, threads, engineVariant, ...result },
      lines: [`Preset ${preset}, ${on.join(', ')}`, '', ...stepTable(result)],
    };
  },
});

function stepTable(result: StepBench): string[] {
  const { msPerStep, msMin, tokensPerSecond, gflops, parameters, peakMemoryBytes, batchSize, seqLen, steps } = result;
  const { dispatches, submits, readbacks, bytesAllocated } = result;
  const rows = [
    [`Step of ${batchSize} x ${seqLen} tokens, median of ${steps}`, `${formatMeasured(msPerStep)} ms`],
    ['  fastest', `${formatMeasured(msMin)} ms`],
    ['Tokens per second', formatExact(tokensPerSecond)],
    ['Useful arithmetic', `${formatMeasured(gflops)} GFLOP/s`],
    ['Trained parameters', formatExact(parameters)],
    ['Peak memory', formatBytes(peakMemoryBytes)],
    ...(dispatches === undefined
      ? []
      : [
          ['GPU: dispatches of a step', formatExact(dispatches)],
          ['  submissions, read-backs', `${formatExact(submits ?? 0)}, ${formatExact(readbacks ?? 0)}`],
          ['  memory', formatBytes(bytesAllocated ?? 0)],
        ]),
  ];
  return formatTable(rows, outputWidth(), [1]);
}

const promptTokens = 32;

const generateCommand = defineCommand({
  name: 'generate',
  description: 'time decoding with and without drafts of the MTP module, on held-out text of each domain',
  arguments: [checkpointArgument],
  options: [
    heldOutOption,
    { flags: '--prompts <n>', help: 'prompts of each domain (default: 8)' },
    { flags: '--max-new-tokens <n>', help: 'tokens to write after each (default: 128)' },
    { flags: '--temperature <x>', help: 'draw instead of taking the most likely token (default: 0)' },
    { flags: '--speculative <k>', help: 'drafts for each pass, 1 to 3 (default: 1)' },
    ...backendOptions(),
    jsonOption,
  ],
  run: async (checkpoint, options) => {
    const drafts = parseDrafts(options.speculative ?? true);
    const { temperature } = parseSampling({ temperature: options.temperature ?? '0' }, noDefaults);
    const prompts = wholeNumber('--prompts', options.prompts ?? '8');
    const newTokens = wholeNumber('--max-new-tokens', options.maxNewTokens ?? '128');
    const { benchGeneration } = await import('../../bench/generation.ts');
    const { openDataset } = await import('../open-dataset.ts');
    const { openModel } = await import('../open-model.ts');
    const { trainedOn } = await import('../trained-data.ts');
    const opened = await openModel(checkpoint, options);
    const train = trainedOn(opened, options.data, 'bench');
    const dataset = await openDataset({ ...train, tokenizer: opened.tokenizer });
    const settings = { promptTokens, newTokens, prompts, drafts, temperature };
    const domains = await benchGeneration(opened.model, dataset, settings);
    return {
      json: { checkpoint: opened.path, ...settings, domains },
      lines: [
        `Checkpoint ${opened.path}, ${plural(drafts, 'draft')} a pass, temperature ${temperature}`,
        `${plural(prompts, 'prompt')} of ${promptTokens} tokens of held-out text, at most ${plural(newTokens, 'token')} after each`,
        '',
        ...generationTable(domains),
      ],
    };
  },
});

function generationTable(domains: readonly DomainGeneration[]): string[] {
  const rows = domains.map(({ domain, plain, speculative }) => [
    domain,
    formatMeasured(plain.tokensPerSecond),
    formatMeasured(speculative.tokensPerSecond),
    (speculative.tokensPerSecond / plain.tokensPerSecond).toFixed(2),
    speculative.acceptanceRate === null ? '-' : `${(100 * speculative.acceptanceRate).toFixed(1)} %`,
    (speculative.newTokens / speculative.forwardPasses).toFixed(2),
    `${(100 * (1 - speculative.forwardPasses / speculative.newTokens)).toFixed(1)} %`,
  ]);
  const head = ['domain', 'plain, tokens/s', 'with drafts', 'ratio', 'drafts kept', 'tokens a pass', 'passes saved'];
  return formatHeadedTable([head, ...rows], outputWidth(), [1, 2, 3, 4, 5, 6]);
}

const opsCommand = defineCommand({
  name: 'ops',
  description: 'time the kernels of the engine, each by itself',
  options: [...engineOptions, jsonOption],
  run: async (flags) => {
    const choice = { backend: 'engine', backendOptions: parseBackendOptions(flags) } as const;
    const { benchOps } = await import('../../bench/ops.ts');
    const { runningEngine } = await import('../../engine/engine.ts');
    const { startBackend } = await import('../start-backend.ts');
    await startBackend(choice);
    const engine = runningEngine();
    if (engine === null) throw new Error('internal: the engine is active, and does not run');
    const result = benchOps(engine);
    const { threads, engineVariant, peakGflops, forkJoinMicroseconds, missing } = result;
    return {
      json: result,
      lines: [
        `Engine, ${plural(threads, 'thread')}, variant ${engineVariant}`,
        `Products in the first-level cache: ${formatMeasured(peakGflops)} GFLOP/s on all threads (100 % below)`,
        `Handing work to the threads and waiting for it: ${formatMeasured(forkJoinMicroseconds)} us`,
        '',
        ...opsTable(result),
        ...(missing.length === 0 ? [] : ['', `Not measured, for want of a kernel: ${missing.join(', ')}`]),
      ],
    };
  },
});

function opsTable({ ops, peakGflops }: OpsBench): string[] {
  const rate = ({ gflops, gigabytesPerSecond }: OpBench) =>
    gflops === null ? `${formatMeasured(gigabytesPerSecond ?? Number.NaN)} GB/s` : `${formatMeasured(gflops)} GFLOP/s`;
  const share = ({ gflops }: OpBench) => (gflops === null ? '' : `${Math.round((100 * gflops) / peakGflops)} %`);
  const rows = ops.map((op) => [op.name, op.size, `${formatMeasured(op.microseconds)} us`, rate(op), share(op)]);
  return formatTable(rows, outputWidth(), [2, 3, 4]);
}

export const benchCommand = defineGroup({
  name: 'bench',
  summary: 'measure how fast this machine trains and writes',
  description: 'Measures training steps, decoding and kernels on this machine.',
  commands: [stepCommand, generateCommand, opsCommand],
});
