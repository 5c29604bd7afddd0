// A model that rewards itself: right is what most of its answers to a problem say. No truth is asked.

import type { Task } from '../../evaluate/task.ts';
import type { Reward, Voter } from './reward.ts';

/**
 * 1 for an answer that says what most answers of its group say, 0 for others. Answers that did not end, or are not in
 * the format of the task, neither vote nor win. Where several results have the most votes, all of them win, so a group
 * that does not agree on anything teaches nothing.
 *
 * Example: of `27=7`, `28=8`, `=7` and a cut-off `271`, the first and the third get 1.
 *
 * Source: the voting of arXiv:2412.19437 section 5.4.2. There the model is a judge that votes on answers; here the
 * answers themselves vote, as in TTRL (arXiv:2504.16084).
 */
export function vote(task: Pick<Task, 'answerOf'>): Reward {
  return (_, _completion, { group, ...answer }) => {
    const votes = new Map<string, number>();
    for (const result of group.map((voter) => resultOf(voter, task))) {
      if (result !== null) votes.set(result, (votes.get(result) ?? 0) + 1);
    }
    const own = resultOf(answer, task);
    return Number(own !== null && votes.get(own) === Math.max(...votes.values()));
  };
}

function resultOf({ completion, ended }: Voter, { answerOf }: Pick<Task, 'answerOf'>): string | null {
  if (!ended) return null;
  return answerOf === undefined ? completion.trim() : answerOf(completion);
}
