// `run.json`: everything about a run that is known when it starts, and the check that a resumed run is the same run.

import { type BackendName, backendNames } from '../backends/backend-names.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateRecordedTrain } from '../config/recorded.ts';
import { validateModelConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';

/** What `run.json` holds. */
export interface RunSettings {
  readonly format: 1;
  /** The last part of the run folder's path. */
  readonly name: string;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: BackendName;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Of this package. */
  readonly version: string;
  /** Of the main model, MTP modules left out. */
  readonly parameters: number;
  /** Parameters that one token passes through. */
  readonly activeParameters: number;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text; null if it was not asked. */
  readonly brotliBitsPerByte: number | null;
}

/** The contents of `run.json`, checked; a newer format and invalid settings are each a `UserError`. */
export function parseRunSettings(json: JsonObject, runDir: string): RunSettings {
  if (json.format !== 1) {
    throw new UserError(`run: ${runDir} has format ${json.format}, expected 1; update tinyseek to resume this run`);
  }
  const model = validateModelConfig(json.model);
  return {
    format: 1,
    name: String(json.name),
    model,
    train: validateRecordedTrain(json.train, model),
    backend: backendNames.find((name) => name === json.backend) ?? 'auto',
    createdAt: String(json.createdAt),
    version: String(json.version),
    parameters: Number(json.parameters),
    activeParameters: Number(json.activeParameters),
    brotliBitsPerByte: json.brotliBitsPerByte === null ? null : Number(json.brotliBitsPerByte),
  };
}

/** Settings a resumed run was asked for; all of them must be those it was started with. */
export interface SettingsOverrides {
  readonly model?: Partial<ModelConfig>;
  readonly train?: Partial<TrainConfig>;
}

/** Throws a `UserError` that lists every setting that differs from those of the run. */
export function refuseChanges(
  settings: Pick<RunSettings, 'model' | 'train'>,
  wanted: SettingsOverrides,
  runDir: string,
): void {
  const changes = [
    ...listChanges({ ...settings.model }, { ...wanted.model }),
    ...listChanges({ ...settings.train }, { ...wanted.train }),
  ];
  if (changes.length === 0) return;
  throw new UserError(
    `resume: ${runDir} was started with other settings: ${changes.join(', ')}; ` +
      'leave them out to carry on, or start a new run in another folder',
  );
}

function listChanges(recorded: Record<string, unknown>, wanted: Record<string, unknown>): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(recorded[key]))
    .map(([key, value]) => `${key} is ${JSON.stringify(recorded[key])}, not ${JSON.stringify(value)}`);
}
