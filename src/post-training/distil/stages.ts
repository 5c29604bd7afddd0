// The way from expert to student, stage by stage (arXiv:2412.19437 section 5.1): an expert learns two kinds of answers,
// is rewarded for right and short ones, and answers problems; a student learns from those that are right and short.

import type { BackendName } from '../../backends/backend-names.ts';
import type { BackendOptions } from '../../backends/backends.ts';
import type { ModelConfig } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { trainingProblems } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import { folderStore } from '../../runs/folder-store.ts';
import type { StageRuns } from '../../train/staged-run.ts';
import { grpo, resumeGrpo } from '../grpo/grpo.ts';
import { concise } from '../rewards/rules.ts';
import { resumeSft, sft } from '../sft/sft.ts';
import type { ConversationSet } from '../sft/sources.ts';
import { taughtPrompt } from '../sft/taught-prompt.ts';
import { type JudgedAnswer, sampleAnswers } from './sample-answers.ts';
import { type DistilSettings, marks } from './settings.ts';

/** What all stages are made from. */
export interface DistilPlan {
  readonly task: Task;
  readonly settings: DistilSettings;
  /** The shape of expert and student where they begin from scratch. Default: `miniatureModel`. */
  readonly model?: ModelConfig;
  /** Further settings of all training runs. */
  readonly train?: Partial<TrainConfig>;
  readonly backend: BackendName;
  readonly backendOptions?: BackendOptions;
}

/** A reward for short answers, since the report's experts are to be concise; beta of the recipe for a chain. */
const rl = { rewardName: 'concise', grpo: { beta: 0.02 } } as const;

function common({
  settings: { init, template, learningRate, seed },
  model,
  backend,
  backendOptions,
  train,
}: DistilPlan) {
  return {
    ...(init === null ? {} : { init }),
    ...(template === null ? {} : { template }),
    ...(model === undefined || init !== null ? {} : { model }),
    ...(backendOptions === undefined ? {} : { backendOptions }),
    backend,
    train: { ...train, ...(learningRate === null ? {} : { learningRate }), seed },
  };
}

const again = ({ backendOptions }: DistilPlan) => (backendOptions === undefined ? {} : { backendOptions });

/** The expert learns both kinds of answers. */
export function expertSft(plan: DistilPlan): StageRuns {
  const { task, settings } = plan;
  const { solutions, sftSteps } = settings;
  const { train, ...options } = common(plan);
  return {
    start: (runDir, watcher) =>
      sft({ ...options, ...watcher, task, solutions, runDir, train: { ...train, steps: sftSteps } }),
    resume: (runDir, watcher) => resumeSft({ ...watcher, ...again(plan), task, runDir }),
  };
}

/** It is rewarded for right and short answers to problems without the system prompt that asks for long ones. */
export function expertRl(plan: DistilPlan, init: string): StageRuns {
  const { task, settings, backend, train } = plan;
  const problems = {
    task,
    reward: concise(task),
    rewardName: rl.rewardName,
    system: marks.untold,
    encode: taughtPrompt,
  };
  // The rate is that of reinforcement learning, not of SFT.
  const { learningRate: _, ...others } = train ?? {};
  return {
    start: (runDir, watcher) =>
      grpo({
        ...{ ...problems, ...watcher, ...again(plan), init, backend, runDir, grpo: rl.grpo },
        train: { ...others, steps: settings.rlSteps, seed: settings.seed },
      }),
    resume: (runDir, watcher) => resumeGrpo({ ...problems, ...watcher, ...again(plan), store: folderStore(runDir) }),
  };
}

/** Its answers to problems for training, by problem; null when `signal` ended it. */
export async function expertAnswers(
  { task, settings }: DistilPlan,
  checkpoint: string,
  watch: { readonly onProgress?: (done: number, of: number) => void; readonly signal?: AbortSignal },
): Promise<JudgedAnswer[][] | null> {
  const { problems: count, samples, seed } = settings;
  const { model, tokenizer } = loadModel(checkpoint);
  try {
    const problems = trainingProblems(task, count, seed);
    const prompt = taughtPrompt(tokenizer, marks.untold);
    return await sampleAnswers(model, tokenizer, task, { ...watch, problems, samples, seed, prompt });
  } finally {
    model.dispose();
  }
}

/** The student, which begins where the expert began, learns from the answers that were kept, and nothing else. */
export function studentSft(plan: DistilPlan, conversations: ConversationSet, template: string): StageRuns {
  const { task, settings } = plan;
  const { train, ...options } = common(plan);
  const samples = { conversations: [conversations], task };
  return {
    start: (runDir, watcher) =>
      sft({
        ...{ ...options, ...watcher, ...samples, samples: 0, template, runDir },
        train: { ...train, steps: settings.studentSteps },
      }),
    resume: (runDir, watcher) => resumeSft({ ...watcher, ...again(plan), ...samples, runDir }),
  };
}
