// `run.json`: everything about a run that is known when it starts, and the check that a resumed run is the same run.

import * as z from 'zod';
import { type BackendName, backendNames } from '../backends/backend-names.ts';
import { type Rounding, roundings } from '../backends/rounding.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { validateRecordedTrain } from '../config/recorded.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateModelConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';
import type { LiveChange } from './live-settings.ts';
import type { PlanChange } from './plan-changes.ts';

/** The model that a run started from. */
export interface InitialModel {
  /** The path of the folder or store, as the caller gave it. */
  readonly path: string;
  /** SHA-256 of its weights: see `Checkpoint.weightsSha256`. */
  readonly sha256: string;
}

/** What `run.json` holds. */
export interface RunSettings {
  readonly format: 1;
  /** The last part of the run folder's path. */
  readonly name: string;
  readonly model: ModelConfig;
  /** The current settings: what was changed has the values of the last change. */
  readonly train: TrainConfig;
  readonly backend: BackendName;
  /** How the engine rounded when the run was started; absent on other backends, and in runs of earlier versions. */
  readonly rounding?: Rounding;
  /** When the run was started (ISO 8601). */
  readonly createdAt: string;
  /** The version of this package. */
  readonly version: string;
  /** Number of parameters of the main model, without MTP modules. */
  readonly parameters: number;
  /** Parameters that one token passes through. */
  readonly activeParameters: number;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text; null if it was not asked. */
  readonly brotliBitsPerByte: number | null;
  /** Absent for a run that started from scratch. */
  readonly init?: InitialModel;
  /** What takes the place of predicting rows of text; absent where nothing does. */
  readonly method?: { readonly name: string; readonly settings: JsonObject };
  /** Absent for a run whose number of steps was never changed. */
  readonly planChanges?: readonly PlanChange[];
  /** Absent for a run whose settings were never changed while it went on. */
  readonly liveChanges?: readonly LiveChange[];
  /** SHA-256 of the text that the run trains on now: see `dataSha256`. Absent in runs of versions that kept none. */
  readonly dataSha256?: string;
  /** Absent for a run whose text was never changed. */
  readonly dataChanges?: readonly DataChange[];
}

/** A change of the text of a run, which somebody asked for. */
export interface DataChange {
  /** Optimizer steps done when it was made. */
  readonly atStep: number;
  /** SHA-256 of the text before and after. */
  readonly from: string;
  readonly to: string;
}

const dataChangeSchema = z.object({ atStep: z.int().min(0), from: z.string(), to: z.string() });

export const initialModelSchema = z.object({ path: z.string(), sha256: z.string() });

const methodSchema = z.object({ name: z.string(), settings: z.record(z.string(), z.unknown()) });

const planChangeSchema = z.object({
  atStep: z.int().min(0),
  from: z.int().min(0),
  to: z.int().min(0),
  schedule: z.enum(['extended', 'kept']),
});

const liveSettingsSchema = z.strictObject({
  balancing: z.exactOptional(z.enum(['bias', 'batch-aux', 'sequence-aux', 'none'])),
  expertBiasUpdateSpeed: z.exactOptional(z.number()),
  balanceLossFactor: z.exactOptional(z.number()),
  topkGroup: z.exactOptional(z.int()),
});

const liveChangeSchema = z.object({ atStep: z.int().min(0), from: liveSettingsSchema, to: liveSettingsSchema });

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
    ...optional('rounding', z.enum(roundings), json, runDir),
    createdAt: String(json.createdAt),
    version: String(json.version),
    parameters: Number(json.parameters),
    activeParameters: Number(json.activeParameters),
    brotliBitsPerByte: json.brotliBitsPerByte === null ? null : Number(json.brotliBitsPerByte),
    ...optional('init', initialModelSchema, json, runDir),
    ...optional('method', methodSchema, json, runDir),
    ...optional('planChanges', z.array(planChangeSchema), json, runDir),
    ...optional('liveChanges', z.array(liveChangeSchema), json, runDir),
    ...optional('dataSha256', z.string(), json, runDir),
    ...optional('dataChanges', z.array(dataChangeSchema), json, runDir),
  };
}

function optional<K extends string, T>(
  key: K,
  schema: z.ZodType<T>,
  json: JsonObject,
  runDir: string,
): { [key in K]?: T } {
  if (json[key] === undefined) return {};
  const parsed = schema.safeParse(json[key]);
  if (parsed.success) return { [key]: parsed.data } as { [key in K]?: T };
  throw new UserError(`run: the settings of ${runDir} have a ${key} that no run writes; start a new run`);
}

/** Settings that a resumed run was asked for; all of them must equal those that it was started with. */
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
  const longer = changes.some((change) => change.startsWith('steps ')) ? ' (--steps N alone goes on to step N)' : '';
  throw new UserError(
    `resume: ${runDir} was started with other settings: ${changes.join(', ')}; ` +
      `leave them out to carry on${longer}, or start a new run in another folder`,
  );
}

function listChanges(recorded: Record<string, unknown>, wanted: Record<string, unknown>): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(recorded[key]))
    .map(([key, value]) => `${key} is ${JSON.stringify(recorded[key])}, not ${JSON.stringify(value)}`);
}

/**
 * Throws a `UserError` if a checkpoint has other settings than the run; only `steps`, and what was changed while the
 * run went on, may differ.
 */
export function refuseOtherRun(settings: RunSettings, recorded: SettingsOverrides, runDir: string): void {
  const earlier = (settings.planChanges ?? []).map(({ from }) => from);
  const isEarlier = earlier.includes(recorded.train?.steps ?? Number.NaN);
  const steps = isEarlier ? { steps: settings.train.steps } : {};
  const live = new Set((settings.liveChanges ?? []).flatMap(({ from }) => Object.keys(from)));
  const fixed = (all: object) => Object.fromEntries(Object.entries(all).filter(([key]) => !live.has(key)));
  refuseChanges(
    settings,
    { model: fixed({ ...recorded.model }), train: fixed({ ...recorded.train, ...steps }) },
    runDir,
  );
}
