// What a token was worth more than a critic expected (generalised advantage estimation, arXiv:1506.02438 eq. 16), for
// an answer whose reward comes with its last token.

/** lambda: how much of what later values say reaches a token. Nothing is discounted (gamma is 1). */
const usualLambda = 0.95;

export interface TokenAdvantages {
  readonly advantages: readonly number[];
  /** What the critic is to learn to say: advantage plus value. */
  readonly targets: readonly number[];
}

/**
 * Advantages of the tokens of one answer. `values[i]` is what the critic expects before token `i` is written.
 *
 * A_i = sum over k of lambda^k delta_(i+k), where delta_i = values[i+1] - values[i], and the reward takes the place of
 * the value after the last token.
 *
 * Example: reward 1, values 0.5 and 0.8, lambda 1: advantages 0.5 and 0.2, targets 1 and 1.
 */
export function tokenAdvantages(reward: number, values: ArrayLike<number>, lambda = usualLambda): TokenAdvantages {
  const advantages = new Array<number>(values.length).fill(0);
  let next = { value: reward, advantage: 0 };
  for (let i = values.length - 1; i >= 0; i--) {
    const advantage = next.value - values[i]! + lambda * next.advantage;
    advantages[i] = advantage;
    next = { value: values[i]!, advantage };
  }
  return { advantages, targets: advantages.map((advantage, i) => advantage + values[i]!) };
}

/** Numbers with mean 0 and deviation 1, over all answers of a step together, as implementations of PPO have it. */
export function whiten(groups: readonly (readonly number[])[]): number[][] {
  const all = groups.flat();
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
  return groups.map((values) => values.map((value) => (value - mean) / (deviation + 1e-8)));
}
