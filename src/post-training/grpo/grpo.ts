// Reinforcement learning by GRPO in a run folder, from a model that was trained before.

import type { BackendName } from '../../backends/backend-names.ts';
import { activateBackend, type BackendOptions } from '../../backends/backends.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { createRandom } from '../../data/random.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { documentPrompt, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import { heldOutProblems } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import { type LoadedModel, loadAndClose } from '../../generate/load-model.ts';
import type { ModelStore } from '../../runs/model-store.ts';
import type { RunStore } from '../../runs/run-store.ts';
import type { AdamWSettings } from '../../train/adamw.ts';
import type { TrainResult } from '../../train/events.ts';
import { openInitial } from '../../train/initial-model.ts';
import type { Learner } from '../../train/learner.ts';
import type { TrainingMethod } from '../../train/method.ts';
import type { RunWatcher } from '../../train/run-watcher.ts';
import { type RunPlace, resumeRun, train } from '../../train/trainer.ts';
import { longestAnswer, someProblems } from '../longest-answer.ts';
import { correct, type Reward } from '../rewards/reward.ts';
import { rollOut } from '../rollouts/rollouts.ts';
import { Critic } from './critic.ts';
import { defaultGrpoConfig, defaultGrpoTrain, type GrpoConfig, validateGrpoConfig } from './config.ts';
import { measureTask } from './measure.ts';
import { problemDataset } from './problem-dataset.ts';
import { readGrpoRun } from './recorded.ts';
import { grpoStep } from './step.ts';

/** What is to be learned, and from what reward. */
export interface GrpoProblems {
  readonly task: Task;
  /** Default: 1 for an answer that the task's verifier calls right. */
  readonly reward?: Reward;
  /** What the reward is called in `run.json`; a run that is carried on must have the same. Default `correct`. */
  readonly rewardName?: string;
  /** A system prompt before each problem. Recorded; a run that is carried on must have the same. Default: none. */
  readonly system?: string;
  /** How a prompt becomes tokens. Default: `documentPrompt`. */
  readonly encode?: (tokenizer: Tokenizer, system?: string) => PromptEncoder;
}

/** Options of a new run. */
export interface GrpoOptions extends GrpoProblems, RunPlace, RunWatcher {
  /** A run folder (its newest checkpoint), a checkpoint, a Hugging Face folder, or a store with a model. */
  readonly init: string | ModelStore;
  readonly grpo?: Partial<GrpoConfig>;
  /** Settings of every training run, such as `steps`, `learningRate` and `seed`. */
  readonly train?: Partial<TrainConfig>;
  readonly backend: BackendName;
  readonly backendOptions?: BackendOptions;
}

/**
 * Trains a model by GRPO on the problems of a task, in a new run folder like that of `train`. The task's held-out
 * problems are measured before the first step and after the last: `measured` of the result.
 *
 * The model that the run starts from stays in memory as the reference, unless `beta` is 0. The same settings, seed and
 * backend give the same bits, and `resumeGrpo` carries an interrupted run on to them.
 *
 * @throws {UserError} for invalid settings, prompts that do not fit into the model's context, and rewards that are not
 * numbers; what was learned before is in the checkpoint that the message names.
 */
export async function grpo(options: GrpoOptions): Promise<TrainResult> {
  const { init, backend, backendOptions = {}, task } = options;
  await activateBackend(backend, backendOptions);
  const loaded = await loadInitial(init);
  try {
    const maxNewTokens = options.grpo?.maxNewTokens ?? longestAnswer(task, loaded.tokenizer);
    const config = validateGrpoConfig({ ...defaultGrpoConfig, ...options.grpo, maxNewTokens });
    const settings = {
      ...defaultGrpoTrain,
      ...options.train,
      data: task.name,
      batchSize: config.prompts * config.group,
      seqLen: await longestRow(options, loaded, config),
    };
    const dataset = problemDataset(task, loaded.tokenizer, settings.seqLen, settings.seed);
    return await withCritic(loaded, config, settings, (critic) =>
      train({ ...options, init, train: settings, dataset, method: grpoMethod(options, loaded, config, critic) }),
    );
  } finally {
    loaded.model.dispose();
  }
}

/** A run that is to go on, with the task and the reward that it was started with. */
export interface ResumeGrpoOptions extends GrpoProblems, RunWatcher {
  readonly store: RunStore;
  /** The store that the run was started from; a folder is found again by itself. */
  readonly init?: ModelStore;
  readonly backendOptions?: BackendOptions;
}

/**
 * Carries a run of `grpo` on from its newest checkpoint, on the same backend to the same bits as if it had never
 * stopped. The model that it started from must still be there: it is the reference.
 *
 * @throws {UserError} when the task, the reward or the model that the run started from is another one.
 */
export async function resumeGrpo(options: ResumeGrpoOptions): Promise<TrainResult> {
  const { task, store, init, backendOptions = {}, ...others } = options;
  const { config, train: settings, init: recorded, backend } = await readGrpoRun(store);
  await activateBackend(backend, backendOptions);
  const loaded = await loadInitial(init ?? recorded.path, recorded.sha256);
  try {
    const dataset = problemDataset(task, loaded.tokenizer, settings.seqLen, settings.seed);
    return await withCritic(loaded, config, settings, (critic) => {
      const method = grpoMethod(options, loaded, config, critic);
      return resumeRun({ ...others, store, backendOptions, dataset, method });
    });
  } finally {
    loaded.model.dispose();
  }
}

/** The model to start from; its weights must have the hash, if one is given. */
async function loadInitial(init: string | ModelStore, sha256?: string): Promise<LoadedModel> {
  const { checkpoint, path } = await openInitial(init);
  if (sha256 !== undefined && (await checkpoint.weightsSha256()) !== sha256) {
    checkpoint.close();
    throw new UserError(
      `grpo: the weights of ${path}, which the run was started from and is compared with, have changed since; ` +
        'put them back, or start a new run',
    );
  }
  return loadAndClose(checkpoint, path);
}

/** Runs `work` with a critic that begins with the policy's weights, where the settings ask for one. */
async function withCritic<T>(
  { model }: LoadedModel,
  { advantage }: GrpoConfig,
  settings: AdamWSettings,
  work: (critic: Critic | null) => Promise<T>,
): Promise<T> {
  const critic = advantage === 'critic' ? await Critic.from(model, settings) : null;
  try {
    return await work(critic);
  } finally {
    critic?.dispose();
  }
}

function grpoMethod(
  problems: GrpoProblems,
  loaded: LoadedModel,
  config: GrpoConfig,
  critic: Critic | null,
): TrainingMethod {
  const { task, reward = correct(task), rewardName = 'correct', system, encode = documentPrompt } = problems;
  const { tokenizer, model } = loaded;
  const reference = config.beta === 0 ? null : model;
  const setting = {
    task,
    tokenizer,
    encode: encode(tokenizer, system),
    reward,
    config,
    reference,
    critic,
    silence: { steps: 0 },
  };
  return {
    name: 'grpo',
    settings: { task: task.name, reward: rewardName, ...(system === undefined ? {} : { system }), ...config },
    ...(critic === null ? {} : { state: critic }),
    step: (learner, plan, settings) => grpoStep(setting, learner, plan, settings),
    measure: ({ model }) => measureTask(model, { ...setting, maxNewTokens: config.maxNewTokens }),
    example: (learner) => example(learner, setting),
  };
}

/** The most likely answer to the first held-out problem. */
async function example({ model }: Learner, setting: Parameters<typeof grpoStep>[0]) {
  const { task, tokenizer, encode, config } = setting;
  const problems = heldOutProblems(task, 1);
  const random = createRandom('example');
  const options = { task, group: 1, temperature: 0, maxNewTokens: config.maxNewTokens, random };
  const [[answer] = []] = await rollOut(model, tokenizer, problems, encode, options);
  return { prompt: answer!.problem.prompt, text: answer!.completion };
}

/** Labels of the longest row: prompt and answer without the first token. */
async function longestRow(
  { task, system, encode = documentPrompt }: GrpoProblems,
  loaded: LoadedModel,
  config: GrpoConfig,
): Promise<number> {
  const prompts = await Promise.all(someProblems(task).map(encode(loaded.tokenizer, system)));
  const longest = Math.max(...prompts.map(({ length }) => length));
  const length = longest + config.maxNewTokens - 1;
  const room = loaded.config.maxPositionEmbeddings;
  if (length <= room) return length;
  throw new UserError(
    `grpo: prompts of up to ${longest} tokens and answers of ${config.maxNewTokens} do not fit into the model's ` +
      `context of ${room}; ` +
      (longest < room ? `allow at most ${room - longest + 1} tokens an answer` : 'make the problems shorter'),
  );
}
