// What a new run begins with: an empty folder and its settings.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { withVocabulary } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateModelConfig, validateTrainConfig } from '../config/validate.ts';
import { brotliBitsPerByte } from '../data/brotli.ts';
import type { Dataset } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { BackendName } from '../backends/backends.ts';
import type { RunSettings } from './run-settings.ts';

interface NewRun {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly runDir: string;
}

/** The settings of a run as `run.json` has them, with the vocabulary of the tokenizer; checked. */
export function newSettings(options: NewRun, dataset: Dataset, backend: BackendName): RunSettings {
  const model = validateModelConfig(withVocabulary(options.model, dataset.tokenizer));
  const { total, active } = countParameters(model, options.train.seqLen);
  return {
    format: 1,
    name: basename(resolve(options.runDir)),
    model,
    train: validateTrainConfig(options.train, model),
    backend,
    createdAt: new Date().toISOString(),
    version: packageVersion(),
    parameters: total,
    activeParameters: active,
    brotliBitsPerByte: brotliOfHeldOut(dataset),
  };
}

/** Bits per byte that Brotli needs for the held-out text, each domain compressed on its own. */
function brotliOfHeldOut(dataset: Pick<Dataset, 'domains' | 'heldOutText'>): number {
  let [bits, bytes] = [0, 0];
  for (const domain of dataset.domains.keys()) {
    const text = dataset.heldOutText(domain);
    const size = Buffer.byteLength(text);
    bits += brotliBitsPerByte(text) * size;
    bytes += size;
  }
  return bits / bytes;
}

function packageVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return String(version);
}

/** Throws a `UserError` for a folder that has something in it; the lock of this or another process does not count. */
export function refuseUsedFolder(runDir: string): void {
  if (!existsSync(runDir)) return;
  const found = readdirSync(runDir).filter((name) => !name.startsWith('run.lock'));
  if (found.length === 0) return;
  const fix = found.includes('run.json')
    ? 'carry it on with --resume, or choose another folder'
    : 'choose another folder';
  throw new UserError(`run: ${runDir} is not empty (it has ${found[0]}); ${fix}`);
}
