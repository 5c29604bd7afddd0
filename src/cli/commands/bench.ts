// `tinyseek bench`: how fast training steps and kernels are on this machine.

import { benchGeneration as measureGeneration, type DomainGeneration } from '../../bench/generation.ts';
import { benchOps as measureOps, type OpBench, type OpsBench } from '../../bench/ops.ts';
import { benchStep as measureStep, type StepBench } from '../../bench/step.ts';
import { requireTrainable } from '../../config/presets.ts';
import { createDataset } from '../../data/dataset.ts';
import { runningEngine } from '../../engine/engine.ts';
import { type BackendFlags, parseBackendFlags, parseBackendOptions, startBackend } from '../backend-option.ts';
import { resolveOptions } from '../config-file.ts';
import { openModel } from '../open-model.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { type TrainOptions, wholeNumber } from '../run-options.ts';
import { type GenerationFlags, parseDrafts, parseSampling } from '../sampling-options.ts';
import { formatBytes, formatExact, formatMeasured, plural } from '../terminal/format.ts';
import { formatHeadedTable, formatTable } from '../terminal/table.ts';
import { trainedOn } from '../trained-data.ts';

/** Settings as for `train`, except that `--steps` says how many steps to time. */
export async function benchStep({ steps, ...options }: TrainOptions): Promise<CommandOutput> {
  const timedSteps = steps === undefined ? null : wholeNumber('--steps', steps);
  const { preset, model, train } = resolveOptions(options);
  requireTrainable(preset);
  const { name, threads, engineVariant } = await startBackend(parseBackendFlags(options));
  const result = await measureStep(model, train, timedSteps);
  const on = [
    `backend ${name}`,
    ...(threads === null ? [] : [plural(threads, 'thread')]),
    ...(engineVariant === null ? [] : [`variant ${engineVariant}`]),
  ];
  return {
    json: { preset, backend: name, threads, engineVariant, ...result },
    lines: [`Preset ${preset}, ${on.join(', ')}`, '', ...stepTable(result)],
  };
}

function stepTable(result: StepBench): string[] {
  const { msPerStep, msMin, tokensPerSecond, gflops, parameters, peakMemoryBytes, batchSize, seqLen, steps } = result;
  const rows = [
    [`Step of ${batchSize} x ${seqLen} tokens, median of ${steps}`, `${formatMeasured(msPerStep)} ms`],
    ['  fastest', `${formatMeasured(msMin)} ms`],
    ['Tokens per second', formatExact(tokensPerSecond)],
    ['Useful arithmetic', `${formatMeasured(gflops)} GFLOP/s`],
    ['Trained parameters', formatExact(parameters)],
    ['Peak memory', formatBytes(peakMemoryBytes)],
  ];
  return formatTable(rows, outputWidth(), [1]);
}

export interface BenchGenerateOptions extends GenerationFlags {
  readonly data?: string;
  readonly prompts?: string;
}

const promptTokens = 32;

/** Decoding with and without drafts, on held-out text of each domain; greedy unless a temperature is given. */
export async function benchGenerate(checkpoint: string, options: BenchGenerateOptions): Promise<CommandOutput> {
  const drafts = parseDrafts(options.speculative ?? true);
  const { temperature } = parseSampling({ temperature: options.temperature ?? '0' });
  const prompts = wholeNumber('--prompts', options.prompts ?? '8');
  const newTokens = wholeNumber('--max-new-tokens', options.maxNewTokens ?? '128');
  const opened = await openModel(checkpoint, options);
  const train = trainedOn(opened, options.data, 'bench');
  const dataset = await createDataset({ ...train, tokenizer: opened.tokenizer });
  const settings = { promptTokens, newTokens, prompts, drafts, temperature };
  const domains = await measureGeneration(opened.model, dataset, settings);
  return {
    json: { checkpoint: opened.path, ...settings, domains },
    lines: [
      `Checkpoint ${opened.path}, ${plural(drafts, 'draft')} a pass, temperature ${temperature}`,
      `${plural(prompts, 'prompt')} of ${promptTokens} tokens of held-out text, at most ${plural(newTokens, 'token')} after each`,
      '',
      ...generationTable(domains),
    ],
  };
}

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

/** Each kernel of the engine by itself. */
export async function benchOps(flags: Omit<BackendFlags, 'backend'>): Promise<CommandOutput> {
  await startBackend({ backend: 'engine', backendOptions: parseBackendOptions(flags) });
  const engine = runningEngine();
  if (engine === null) throw new Error('internal: the engine is active, and does not run');
  const result = measureOps(engine);
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
}

function opsTable({ ops, peakGflops }: OpsBench): string[] {
  const rate = ({ gflops, gigabytesPerSecond }: OpBench) =>
    gflops === null ? `${formatMeasured(gigabytesPerSecond ?? Number.NaN)} GB/s` : `${formatMeasured(gflops)} GFLOP/s`;
  const share = ({ gflops }: OpBench) => (gflops === null ? '' : `${Math.round((100 * gflops) / peakGflops)} %`);
  const rows = ops.map((op) => [op.name, op.size, `${formatMeasured(op.microseconds)} us`, rate(op), share(op)]);
  return formatTable(rows, outputWidth(), [2, 3, 4]);
}
