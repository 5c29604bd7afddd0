// `tinyseek export`: a checkpoint as a folder for other programs, after a look at what they would make of it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors.ts';
import { type ExportOptions, exportModel, type ModelFolder } from '../../interchange/export-model.ts';
import { checkLoader } from '../../interchange/loader-check.ts';
import { type LoaderName, loaderNames } from '../../interchange/loader-names.ts';
import type { Finding } from '../../interchange/loader-rule.ts';
import { withoutMtp } from '../../interchange/open-folder.ts';
import type { FloatFormat } from '../../io/float-formats.ts';
import { folderConfig } from '../../io/folder-config.ts';
import { readCheckpoint } from '../../io/read-checkpoint.ts';
import { loadRun } from '../../report/load-run.ts';
import type { RunData } from '../../report/run-data.ts';
import { checkpointFolder, warn } from '../open-model.ts';
import type { CommandOutput } from '../output.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';

export interface ExportFlags {
  readonly out?: string;
  readonly dtype: string;
  readonly shardSize: string;
  readonly format: 'hf' | 'torchtitan';
  /** False with `--no-mtp`. */
  readonly mtp: boolean;
  readonly check?: readonly string[];
}

type Checks = readonly (readonly [loader: LoaderName, findings: readonly Finding[]])[];

const formats: Readonly<Record<string, FloatFormat>> = { f32: 'F32', bf16: 'BF16', f16: 'F16' };
const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

function parseDtype(name: string): FloatFormat {
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format) return format;
  throw new UserError(`export: --dtype must be f32, bf16 or f16; found ${JSON.stringify(name)}`);
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

function checkAll(path: string, loaders: readonly LoaderName[], mtp: boolean): Checks {
  if (loaders.length === 0) return [];
  const checkpoint = readCheckpoint(path);
  try {
    const { config: stored } = folderConfig(checkpoint);
    const config = mtp ? stored : withoutMtp(stored);
    return loaders.map((loader) => [loader, checkLoader(loader, config)]);
  } finally {
    checkpoint.close();
  }
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
function runAround(checkpoint: string): RunData | null {
  const run = dirname(dirname(checkpoint));
  const isOurs = existsSync(join(checkpoint, 'trainer.json')) && existsSync(join(run, 'run.json'));
  return isOurs ? loadRun(run) : null;
}

const unexpectedTensors =
  'transformers will list the tensors of the MTP module as unexpected, which is harmless. With --no-mtp the module is left out.';

function folderLines({ out, format, torchtitan }: ExportOptions, folder: ModelFolder): string[] {
  const { config, parameters, bytes, files } = folder;
  const hasMtp = config.numNextnPredictLayers > 0;
  return [
    `Wrote ${out}: ${formatCount(parameters)} parameters, ${hasMtp ? 'MTP module included' : 'no MTP module'}, ${formatBytes(bytes)} of weights in ${format}`,
    ...files.map((file) => `  ${file}`),
    ...(hasMtp && !torchtitan ? [unexpectedTensors] : []),
  ];
}

/** Checks and writes; what a check finds wrong ends the command with 1, before anything is written. */
export function exportCheckpoint(checkpoint: string, flags: ExportFlags): CommandOutput {
  const { out, check = [] } = flags;
  if (out === undefined && check.length === 0) {
    throw new UserError(
      `export: expected a folder to write; give --out DIR, or --check ${loaderNames[0]} to only look`,
    );
  }
  const [format, maxShardBytes] = [parseDtype(flags.dtype), parseSize(flags.shardSize)];
  const loaders = check.map(parseLoader);
  const path = checkpointFolder(checkpoint);
  const checks = checkAll(path, loaders, flags.mtp);
  const json = { checks: Object.fromEntries(checks) };
  const lines = checkLines(checks);
  if (checks.some(isFailure)) {
    return { json, lines: out === undefined ? lines : [...lines, 'Nothing was written.'], exitCode: 1 };
  }
  if (out === undefined) return { json, lines };
  const torchtitan = flags.format === 'torchtitan';
  const options = { out, format, maxShardBytes, torchtitan, mtp: flags.mtp, run: runAround(path) };
  const written = exportModel(path, options);
  warn(written.warnings);
  const { config, parameters, bytes, files } = written;
  const mtpLayers = config.numNextnPredictLayers;
  return {
    json: { ...json, out, parameters, bytes, mtpLayers, files },
    lines: [...lines, ...folderLines(options, written)],
  };
}
