// From an arm of a study to the complete settings of a run.

import type { ModelConfig } from '../config/model-config.ts';
import { modelPreset, requireTrainable, trainPreset } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateModelConfig, validateTrainConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import type { ProcedureSettings } from './procedure.ts';
import type { Arm, Study } from './study.ts';

/** How large a study is to be. */
export interface StudySize {
  readonly quick: boolean;
  /** Optimizer steps of an arm whose `stepsFactor` is 1; null: those of the study. */
  readonly steps: number | null;
}

/** Everything that an arm is told. */
export interface ArmSettings {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly procedure: ProcedureSettings;
}

/** The settings of an arm with a seed. Invalid settings are a `UserError` that names the arm. */
export function armSettings(study: Study, arm: Arm, size: StudySize, seed: number): ArmSettings {
  const layers = [study.base, size.quick ? study.quick : {}, arm];
  requireTrainable(study.preset);
  try {
    const model = validateModelConfig(
      Object.assign({}, modelPreset(study.preset), ...layers.map((l) => l.modelChanges)),
    );
    const train = Object.assign({}, trainPreset(study.preset), ...layers.map((l) => l.trainChanges), { seed });
    const steps = Math.round((size.steps ?? train.steps) * (arm.stepsFactor ?? 1));
    return {
      model,
      train: validateTrainConfig({ ...train, steps: Math.max(1, steps) }, model),
      procedure: Object.assign({}, ...layers.map((l) => l.procedureChanges)),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`study ${study.name}, arm ${arm.name}: ${error.message}`, { cause: error });
  }
}
