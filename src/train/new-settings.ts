// The settings that a new run begins with.

import { countParameters } from '../config/counts.ts';
import { validateModelConfig, validateTrainConfig } from '../config/validate.ts';
import type { RunSettings } from './run-settings.ts';

/** The part of the settings that the caller gives; the rest is counted, or is the time. */
type NewRun = Pick<
  RunSettings,
  'name' | 'version' | 'model' | 'train' | 'backend' | 'brotliBitsPerByte' | 'init' | 'method' | 'dataSha256'
> & {
  readonly rounding?: RunSettings['rounding'] | undefined;
};

/** The settings of a run as `run.json` has them; checked. */
export function newSettings({
  name,
  version,
  backend,
  rounding,
  brotliBitsPerByte,
  init,
  method,
  dataSha256,
  ...run
}: NewRun): RunSettings {
  const model = validateModelConfig(run.model);
  const { total, active } = countParameters(model, run.train.seqLen);
  return {
    format: 1,
    name,
    model,
    train: validateTrainConfig(run.train, model),
    backend,
    ...(rounding === undefined ? {} : { rounding }),
    createdAt: new Date().toISOString(),
    version,
    parameters: total,
    activeParameters: active,
    brotliBitsPerByte,
    ...(init === undefined ? {} : { init }),
    ...(method === undefined ? {} : { method }),
    ...(dataSha256 === undefined ? {} : { dataSha256 }),
  };
}
