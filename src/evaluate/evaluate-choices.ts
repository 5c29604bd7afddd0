// A model that chooses: the options of a problem are scored by their log probability after the prompt.
// Shape legend: B choices, T tokens, D hiddenSize.

import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { linearCrossEntropy } from '../ops/linear-cross-entropy.ts';
import { tf } from '../tensor/tf.ts';
import { documentPrompt, type TaskEvaluation } from './evaluate-task.ts';
import { passInterval, type Tally } from './pass-at-k.ts';
import type { Problem, Task } from './task.ts';

/** How often the right choice has the highest score. */
export interface ChoiceResult {
  /** By the log probability of the whole choice. */
  readonly accuracy: number;
  /** By the log probability per token. */
  readonly accuracyByToken: number;
  /** By the log probability per byte of text: `acc_norm` of lm-evaluation-harness. */
  readonly accuracyByByte: number;
  /** 95 % interval of `accuracyByByte`. */
  readonly interval: readonly [low: number, high: number];
  readonly problems: number;
}

/**
 * Scores the choices of each problem. A choice follows its prompt after a blank, unless one of the two has it already.
 *
 * Source: lm-evaluation-harness, `multiple_choice`: acc and acc_norm.
 *
 * @throws UserError for a problem that does not fit the context. Null when `signal` ended it.
 */
export async function evaluateChoices(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  task: Task,
  { problems, prompt = documentPrompt(tokenizer), onProgress, signal }: TaskEvaluation,
): Promise<ChoiceResult | null> {
  const tallies: { readonly raw: Tally[]; readonly byToken: Tally[]; readonly byByte: Tally[] } = {
    raw: [],
    byToken: [],
    byByte: [],
  };
  for (const [i, problem] of problems.entries()) {
    if (signal?.aborted) return null;
    const { choices = [], answer } = problem;
    const scores = await scoreChoices(model, tokenizer, await prompt(problem), spaced(problem));
    const right = choices.indexOf(answer);
    const isBest = (values: readonly number[]): Tally => ({ samples: 1, right: Number(best(values) === right) });
    tallies.raw.push(isBest(scores.map(({ logp }) => logp)));
    tallies.byToken.push(isBest(scores.map(({ logp, tokens }) => logp / tokens)));
    tallies.byByte.push(isBest(scores.map(({ logp, bytes }) => logp / bytes)));
    onProgress?.(i + 1, problems.length);
  }
  if (problems.length === 0) throw new UserError(`task: ${task.name} has no problems to measure on; give it some`);
  const share = (list: readonly Tally[]) => list.reduce((sum, { right }) => sum + right, 0) / list.length;
  return {
    accuracy: share(tallies.raw),
    accuracyByToken: share(tallies.byToken),
    accuracyByByte: share(tallies.byByte),
    interval: passInterval(tallies.byByte),
    problems: problems.length,
  };
}

function spaced({ prompt, choices = [] }: Problem): readonly string[] {
  return choices.map((choice) => (/\s$/.test(prompt) || /^\s/.test(choice) || prompt === '' ? choice : ` ${choice}`));
}

/** The first of the largest. */
function best(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

interface Score {
  readonly logp: number;
  readonly tokens: number;
  readonly bytes: number;
}

/** All choices of a problem in one pass; what follows a shorter one is not looked at. */
async function scoreChoices(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  choices: readonly string[],
): Promise<Score[]> {
  if (promptIds.length === 0) throw new UserError('task: a prompt has no tokens; give it at least one');
  const encoded = choices.map((choice) => tokenizer.encode(choice));
  const B = encoded.length;
  const T = promptIds.length - 1 + Math.max(...encoded.map(({ length }) => length));
  const { maxPositionEmbeddings, hiddenSize: D } = model.config;
  if (T > maxPositionEmbeddings) {
    throw new UserError(
      `task: a problem has ${T + 1} tokens with its longest choice, and the model reads at most ${maxPositionEmbeddings}; shorten it`,
    );
  }
  const ids = encoded.map((choice) => [...promptIds, ...choice, ...new Array(T + 1).fill(0)].slice(0, T + 1));
  const losses = tf.tidy(() => {
    const all = tf.tensor2d(ids, [B, T + 1], 'int32');
    const { hidden } = model.forward(tf.slice(all, [0, 0], [B, T]));
    const labels: tf.Tensor1D = tf.reshape(tf.slice(all, [0, 1], [B, T]), [B * T]);
    return linearCrossEntropy(tf.reshape(hidden, [B * T, D]), model.lmHead, labels);
  });
  const values = await losses.data();
  losses.dispose();
  return encoded.map((choice, row) => {
    const start = row * T + promptIds.length - 1;
    const nats = Array.from(values.subarray(start, start + choice.length)).reduce((sum, loss) => sum + loss, 0);
    return { logp: -nats, tokens: choice.length, bytes: tokenizer.decodeBytes(choice).length };
  });
}
