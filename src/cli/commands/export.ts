// `tinyseek export`: a checkpoint as a folder for other programs, after a look at what they would make of it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors.ts';
import type { Checks } from '../../interchange/check-folder.ts';
import type { ExportFormat } from '../../interchange/export-format.ts';
import type { ExportOptions, ModelFolder } from '../../interchange/export-model.ts';
import { type LoaderName, loaderNames } from '../../interchange/loader-names.ts';
import type { Finding } from '../../interchange/loader-rule.ts';
import type { ScaleFormat } from '../../io/block-fp8.ts';
import type { FloatFormat } from '../../io/float-formats.ts';
import type { RunData } from '../../report/run-data.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, collect, jsonOption } from '../common-options.ts';
import { wholeNumber } from '../run-options.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';

export const exportCommand = defineCommand({
  name: 'export',
  summary: 'write a checkpoint for other programs',
  description: `Writes a checkpoint as a Hugging Face folder with a model card, for transformers, vLLM, SGLang and torchtitan.
With --check, says first what one of them would refuse; with --check and without --out, only that.`,
  arguments: [checkpointArgument],
  options: [
    { flags: '--out <dir>', help: 'folder to write; it must not exist yet, or be empty' },
    {
      flags: '--dtype <name>',
      help: 'format of the weights: f32, bf16, f16, fp8 (as DeepSeek-V3) or fp8-ue8m0',
      default: 'f32',
    },
    {
      flags: '--fp8-block <n>',
      help: 'rows and columns of a block of fp8 that share a scale',
      default: '128',
    },
    { flags: '--shard-size <size>', help: 'most bytes of weights in one file, such as 200MB', default: '5GB' },
    {
      flags: '--format <name>',
      help: 'torchtitan adds its flavour and training settings',
      choices: ['hf', 'torchtitan'],
      default: 'hf',
    },
    {
      flags: '--no-mtp',
      help: 'leave out the MTP module, which transformers lists as unexpected and does not use',
    },
    { flags: '--check <program>', help: `${loaderNames.join(', ')}; can be repeated`, parse: collect },
    jsonOption,
  ],
  examples: [
    ['export runs/first --out whale --dtype bf16', 'for transformers'],
    ['export runs/first --check vllm --check sglang', 'could they serve it?'],
    ['export runs/first --out cluster --format torchtitan', 'to go on training elsewhere'],
  ],
  /** Checks and writes; what a check finds wrong ends the command with 1, before anything is written. */
  run: async (checkpoint, flags) => {
    const { out, mtp, check = [] } = flags;
    if (out === undefined && check.length === 0) {
      throw new UserError(
        `export: expected a folder to write; give --out DIR, or --check ${loaderNames[0]} to only look`,
      );
    }
    const [format, maxShardBytes] = [
      parseFormat(flags.dtype, wholeNumber('--fp8-block', flags.fp8Block)),
      parseSize(flags.shardSize),
    ];
    const loaders = check.map(parseLoader);
    const { checkFolder } = await import('../../interchange/check-folder.ts');
    const { formatName } = await import('../../interchange/export-format.ts');
    const { exportModel } = await import('../../interchange/export-model.ts');
    const { checkpointFolder, warn } = await import('../open-model.ts');
    const path = checkpointFolder(checkpoint);
    const checks = checkFolder(path, loaders, { mtp, format });
    const json = { checks: Object.fromEntries(checks) };
    const lines = checkLines(checks);
    if (checks.some(isFailure)) {
      return { json, lines: out === undefined ? lines : [...lines, 'Nothing was written.'], exitCode: 1 };
    }
    if (out === undefined) return { json, lines };
    const torchtitan = flags.format === 'torchtitan';
    const options = { out, format, maxShardBytes, torchtitan, mtp, run: await runAround(path) };
    const written = exportModel(path, options);
    warn(written.warnings);
    const { config, parameters, bytes, files } = written;
    const mtpLayers = config.numNextnPredictLayers;
    return {
      json: { ...json, out, parameters, bytes, mtpLayers, files },
      lines: [...lines, ...folderLines(options, written, formatName(format))],
    };
  },
});

const floatFormats: Readonly<Record<string, FloatFormat>> = { f32: 'F32', bf16: 'BF16', f16: 'F16' };
const scaleFormats: Readonly<Record<string, ScaleFormat>> = { fp8: 'F32', 'fp8-ue8m0': 'F8_E8M0' };
const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

function parseFormat(dtype: string, block: number): ExportFormat {
  if (Object.hasOwn(floatFormats, dtype)) return floatFormats[dtype]!;
  if (Object.hasOwn(scaleFormats, dtype)) return { block, scales: scaleFormats[dtype]! };
  throw new UserError(`export: --dtype must be f32, bf16, f16, fp8 or fp8-ue8m0; found ${JSON.stringify(dtype)}`);
}

/** Bytes of a size such as `200MB`, `1.5 GB` or `64MiB`. */
export function parseSize(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * (units[unit.toLowerCase()] ?? Number.NaN));
  if (number !== '' && bytes > 0) return bytes;
  throw new UserError(`export: --shard-size must be a size such as 200MB or 5GB; found ${JSON.stringify(text)}`);
}

function parseLoader(name: string): LoaderName {
  const loader = loaderNames.find((known) => known === name);
  if (loader) return loader;
  throw new UserError(`export: --check must be one of ${loaderNames.join(', ')}; found ${JSON.stringify(name)}`);
}

function verdict(findings: readonly Finding[]): string {
  if (findings.some(({ level }) => level === 'refused')) return 'refuses this model';
  if (findings.some(({ level }) => level === 'different')) return 'loads this model, and computes something else';
  return findings.length > 0 ? 'takes this model; to know:' : 'takes this model';
}

function checkLines(checks: Checks): string[] {
  return checks.flatMap(([loader, findings]) => [
    `${loader} ${verdict(findings)}`,
    ...findings.flatMap(({ level, what, fix }) => [`  ${level}: ${what}`, ...(fix === '' ? [] : [`    -> ${fix}`])]),
  ]);
}

const isFailure = ([, findings]: Checks[number]): boolean => findings.some(({ level }) => level !== 'note');

/** The run that one of our checkpoints is of: `RUN/checkpoints/step-...`. */
async function runAround(checkpoint: string): Promise<RunData | null> {
  const run = dirname(dirname(checkpoint));
  const isOurs = existsSync(join(checkpoint, 'trainer.json')) && existsSync(join(run, 'run.json'));
  if (!isOurs) return null;
  const { loadRun } = await import('../../report/load-run.ts');
  return loadRun(run);
}

const unexpectedTensors =
  'transformers will list the tensors of the MTP module as unexpected, which is harmless. With --no-mtp the module is left out.';

function folderLines({ out, torchtitan }: ExportOptions, folder: ModelFolder, formatName: string): string[] {
  const { config, parameters, bytes, files } = folder;
  const hasMtp = config.numNextnPredictLayers > 0;
  return [
    `Wrote ${out}: ${formatCount(parameters)} parameters, ${hasMtp ? 'MTP module included' : 'no MTP module'}, ${formatBytes(bytes)} of weights in ${formatName}`,
    ...files.map((file) => `  ${file}`),
    ...(hasMtp && !torchtitan ? [unexpectedTensors] : []),
  ];
}
