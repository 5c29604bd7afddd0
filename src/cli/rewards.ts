// `--reward`: names of rewards that come with TinySeek and files of others, each with a weight.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import type { Task } from '../evaluate/task.ts';
import type { Judge } from '../post-training/rewards/judge/judge.ts';
import { correct, type Reward, sumOfRewards } from '../post-training/rewards/reward.ts';
import { boxed, brevity, concise } from '../post-training/rewards/rules.ts';
import { vote } from '../post-training/rewards/vote.ts';

const judgePrefix = 'judge:';
const isModule = /\.[cm]?[jt]s$/i;
const known: Readonly<Record<string, (task: Task) => Reward>> = {
  correct,
  boxed: () => boxed,
  brevity: () => brevity,
  concise,
  vote,
};

/** The rewards that have a name, for the help. */
export const rewardNames = Object.keys(known);

/**
 * The reward of a specification: `correct`, `correct:1,brevity:0.3`, `reward.ts`. Several are added, each times its
 * weight.
 *
 * @throws UserError for an unknown name, a weight that is no number, and a file without a function.
 */
export async function parseReward(spec: string, task: Task): Promise<Reward> {
  const parts = await Promise.all(
    spec.split(',').map(async (part) => {
      const [, name = part, weight = '1'] = /^(.*?)(?::(-?[\d.]+(?:e-?\d+)?))?$/.exec(part.trim()) ?? [];
      if (!Number.isFinite(Number(weight))) {
        throw new UserError(`--reward: ${part}: expected a weight such as 0.3 after the colon, found ${weight}`);
      }
      return [await loadReward(name, task), Number(weight)] as const;
    }),
  );
  return parts.length === 1 && parts[0]![1] === 1 ? parts[0]![0] : sumOfRewards(parts);
}

async function loadReward(name: string, task: Task): Promise<Reward> {
  if (isModule.test(name)) return importReward(name);
  if (name === 'judge' || name.startsWith(judgePrefix)) return loadJudge(name.slice(judgePrefix.length), task);
  const make = Object.hasOwn(known, name) ? known[name] : undefined;
  if (make !== undefined) return make(task);
  throw new UserError(
    `--reward: there is none called ${JSON.stringify(name)}; did you mean ${closest(name, rewardNames)}? ` +
      `Known are ${rewardNames.join(', ')} and judge:RUN; or name a .ts or .js file whose default export is a function`,
  );
}

/** A judge in a run folder or a checkpoint; it is loaded when it is first asked, since a backend must be active. */
async function loadJudge(path: string, task: Task): Promise<Reward> {
  if (path === '') throw new UserError('--reward: judge needs a model that was trained on pairs: judge:runs/judge');
  const { checkpointFolder } = await import('./open-model.ts');
  const { loadModel } = await import('../generate/load-model-folder.ts');
  const { promptEncoder } = await import('./evaluate-tasks.ts');
  const { judgeReward } = await import('../post-training/rewards/judge/judge.ts');
  const folder = checkpointFolder(path);
  let judge: Promise<Judge> | null = null;
  const load = async (): Promise<Judge> => {
    const { model, tokenizer } = loadModel(folder);
    return { model, tokenizer, task, encode: await promptEncoder({ path: folder, tokenizer }, undefined) };
  };
  return judgeReward(() => (judge ??= load()));
}

async function importReward(file: string): Promise<Reward> {
  if (!existsSync(file)) throw new UserError(`--reward: cannot read ${file}: there is no such file`);
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    throw new UserError(
      `--reward: ${file} cannot be imported: ${error instanceof Error ? error.message : String(error)}` +
        (/\.[cm]?ts$/i.test(file) ? '; TypeScript needs Node 22.18 or newer, or compile the file first' : ''),
      { cause: error },
    );
  }
  if (typeof module.default === 'function') return module.default as Reward;
  throw new UserError(
    `--reward: ${file} has no function as its default export; write ` +
      '`export default (problem, completion) => (completion.endsWith(problem.answer) ? 1 : 0);`',
  );
}
