// A stage of an extension as a run in a folder: started, or carried on from wherever it stopped.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { readJsonFile } from '../io/json-file.ts';
import type { TrainResult } from '../train/events.ts';
import { parseRunSettings } from '../train/run-settings.ts';
import { resumeRun, type TrainOptions, train } from '../train/trainer.ts';
import type { ExtensionStage } from './plan-extension.ts';

type Common = Pick<TrainOptions, 'backend' | 'backendOptions' | 'onEvent' | 'onPrepare' | 'signal' | 'pause'>;

export interface StageRun extends Common {
  /** The model that the stage begins with: a run folder, a checkpoint or a Hugging Face folder. */
  readonly init: string;
  readonly runDir: string;
}

/**
 * Trains a stage in `runDir`, or goes on with it if it was begun there; a stage that is whole is only read.
 *
 * @throws {UserError} if the run in the folder began with another model or has other settings, and as `train` does.
 */
export async function runStage({ context, train: settings }: ExtensionStage, run: StageRun): Promise<TrainResult> {
  const { init, runDir, ...common } = run;
  if (!existsSync(join(runDir, 'run.json'))) return train({ init, context, train: settings, runDir, ...common });
  const recorded = parseRunSettings(readJsonFile(runDir, 'run.json', 'extend'), runDir);
  if (recorded.init?.path !== init) {
    const from = recorded.init === undefined ? 'from scratch' : `with the model ${recorded.init.path}`;
    throw new UserError(
      `extend: the run in ${runDir} began ${from}, and not with ${init}; choose another folder with --out`,
    );
  }
  return resumeRun({ runDir, overrides: { model: context, train: settings }, ...common });
}

/** The folders of the runs, the last one `out` itself: `OUT-stage-1`, ..., `OUT`. */
export function stageFolders(out: string, stages: number): string[] {
  return Array.from({ length: stages }, (_, i) => (i === stages - 1 ? out : `${out}-stage-${i + 1}`));
}
