// What an answer was worth more than the others to the same problem (arXiv:2412.19437 eq. 28).

/** What is subtracted from a reward, and what it is divided by: see `groupAdvantages`. */
export type AdvantageKind = 'group' | 'mean' | 'reward' | 'critic';

/** Added to the deviation, so that rewards that differ by a rounding error do not become advantages of 1. */
const smallest = 1e-6;

/**
 * The advantages of the answers to one problem, from their rewards:
 *
 * - `group`: (r - mean) / (std + 1e-6), with the deviation of the group as a whole (divided by its size, not by one
 *   less). This is GRPO.
 * - `mean`: r - mean, without the division ("Dr. GRPO"; REINFORCE with a baseline).
 * - `reward`: r itself. This is REINFORCE without a baseline.
 *
 * The fourth kind, `critic`, has an advantage for each token: see `tokenAdvantages`.
 *
 * Example: rewards 1, 0, 0, 0 give 1.73, -0.58, -0.58, -0.58 as `group` and 0.75, -0.25, -0.25, -0.25 as `mean`. Where
 * all answers got the same, `group` and `mean` are exactly 0 for each of them.
 *
 * Differs from TRL, which divides by the deviation of a sample (size - 1) plus 1e-4.
 */
export function groupAdvantages(rewards: readonly number[], kind: Exclude<AdvantageKind, 'critic'>): number[] {
  if (kind === 'reward') return [...rewards];
  if (rewards.every((reward) => reward === rewards[0])) return rewards.map(() => 0);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const centred = rewards.map((reward) => reward - mean);
  if (kind === 'mean') return centred;
  const deviation = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0) / rewards.length);
  return centred.map((value) => value / (deviation + smallest));
}
