// What a run of GRPO says of itself in its `run.json`, so that it can be carried on.

import * as z from 'zod';
import type { BackendName } from '../../backends/backend-names.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { UserError } from '../../errors.ts';
import type { RunStore } from '../../runs/run-store.ts';
import { type InitialModel, parseRunSettings } from '../../train/run-settings.ts';
import { type GrpoConfig, validateGrpoConfig } from './config.ts';

export interface RecordedGrpo {
  /** The model that the run started from. */
  readonly init: InitialModel;
  /** Names of the task and the reward. */
  readonly task: string;
  readonly reward: string;
  /** The system prompt; undefined without one. */
  readonly system: string | undefined;
  readonly backend: BackendName;
  readonly train: TrainConfig;
  readonly config: GrpoConfig;
}

const methodSchema = z.object({
  task: z.string(),
  reward: z.string(),
  system: z.string().optional(),
  prompts: z.number(),
  group: z.number(),
  maxNewTokens: z.number(),
  temperature: z.number(),
  clip: z.number(),
  beta: z.number(),
  level: z.enum(['token', 'sequence']),
  advantage: z.enum(['group', 'mean', 'reward', 'critic']),
  meanOver: z.enum(['answer', 'token']),
  updates: z.number(),
});

/** @throws {UserError} for a store without a run of GRPO. */
export async function readGrpoRun(store: RunStore): Promise<RecordedGrpo> {
  const { method, init, backend, train } = parseRunSettings(await store.readSettings(), store.path);
  const parsed = methodSchema.safeParse(method?.settings);
  if (method?.name !== 'grpo' || init === undefined || !parsed.success) {
    const started = method?.name ?? 'train';
    throw new UserError(
      `grpo: ${store.path} is no run of tinyseek grpo; ` +
        (started === 'grpo' ? 'start a new one' : `carry it on with tinyseek ${started} --resume ${store.path}`),
    );
  }
  const { task, reward, system, ...config } = parsed.data;
  return { init, task, reward, system, backend, train, config: validateGrpoConfig(config) };
}
