// How good a model is at a task: what is printed before and after training.

import { createRandom } from '../../data/random.ts';
import type { Tokenizer } from '../../data/types.ts';
import { heldOutProblems } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { Measurement } from '../../train/method.ts';
import { type PromptEncoder, type Rollout, rollOut } from '../rollouts/rollouts.ts';

/** Problems that are measured on, and answers to each: enough for an interval of some points. */
const problemCount = 128;
const samples = 8;

export interface MeasureOptions {
  readonly task: Task;
  readonly tokenizer: Tokenizer;
  readonly encode: PromptEncoder;
  readonly maxNewTokens: number;
}

/** Samples several answers to each held-out problem at temperature 1, and one at temperature 0. */
export async function measureTask(
  model: DeepseekV3ForCausalLM,
  { task, tokenizer, encode, maxNewTokens }: MeasureOptions,
): Promise<Measurement> {
  const problems = heldOutProblems(task, problemCount);
  const roll = (group: number, temperature: number) => {
    const random = createRandom('measure', task.name);
    return rollOut(model, tokenizer, problems, encode, { group, temperature, maxNewTokens, random });
  };
  const isRight = ({ ended, problem, completion }: Rollout) => ended && task.isRight(problem, completion);
  const greedy = (await roll(1, 0)).flat();
  const groups = await roll(samples, 1);
  const all = groups.flat();
  const shares = groups.map((group) => mean(group.map((answer) => Number(isRight(answer)))));
  const passAt1 = mean(shares);
  const result = {
    greedy: mean(greedy.map((answer) => Number(isRight(answer)))),
    passAt1,
    passAtK: mean(shares.map((share) => Number(share > 0))),
    k: samples,
    interval: intervalOf(shares),
    meanLength: mean(all.map(({ tokens }) => tokens)),
    ended: mean(all.map(({ ended }) => Number(ended))),
    problems: problems.length,
  };
  return { result, metrics: metricsOf(result), text: describe(task, result) };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean of the problems' shares with 95 % confidence: answers to one problem are not independent of each other. */
function intervalOf(shares: readonly number[]): [number, number] {
  const centre = mean(shares);
  const variance = mean(shares.map((share) => (share - centre) ** 2));
  const half = 1.96 * Math.sqrt(variance / Math.max(1, shares.length - 1));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

interface TaskResult {
  readonly greedy: number;
  readonly passAt1: number;
  readonly passAtK: number;
  readonly k: number;
  readonly interval: readonly [number, number];
  readonly meanLength: number;
  readonly ended: number;
}

function metricsOf({ greedy, passAt1, passAtK, meanLength, ended }: TaskResult): Record<string, number> {
  return {
    'task/greedy': greedy,
    'task/pass_at_1': passAt1,
    'task/pass_at_k': passAtK,
    'task/length': meanLength,
    'task/ended': ended,
  };
}

function describe({ name }: Task, { greedy, passAt1, passAtK, k, interval, meanLength, ended }: TaskResult): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const [low, high] = interval.map((bound) => (100 * bound).toFixed(0));
  return (
    `${name}: pass@1 ${percent(passAt1)} (${low} to ${high}), pass@${k} ${percent(passAtK)}, greedy ` +
    `${percent(greedy)}, ${meanLength.toFixed(1)} tokens an answer, ${percent(ended)} ended`
  );
}
