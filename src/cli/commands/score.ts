// `tinyseek score`: the natural-log probability of each token given those before it.

import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { scoreTokens } from '../../generate/score.ts';
import type { BackendFlags } from '../backend-option.ts';
import { openModel } from '../open-model.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { plural } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';

export interface ScoreOptions extends BackendFlags {
  readonly text?: string;
  readonly ids?: string;
}

function parseIds(list: string): number[] {
  return list.split(',').map((part) => {
    const id = part.trim();
    if (/^\d+$/.test(id)) return Number(id);
    throw new UserError(
      `score: --ids must be token ids separated by commas, such as 12,7,101; found ${JSON.stringify(id)}`,
    );
  });
}

/** How to get the ids, once there is a tokenizer; what can be wrong without one is found at once. */
function chooseIds({ text, ids }: ScoreOptions): (tokenizer: Tokenizer) => readonly number[] {
  if (ids !== undefined) {
    const parsed = parseIds(ids);
    return () => parsed;
  }
  if (text === undefined) throw new UserError('score: expected a text or token ids; give --text or --ids');
  if (text === '') throw new UserError('score: --text is empty; give at least one character');
  return (tokenizer) => Array.from(tokenizer.encode(text));
}

function tokenRow(tokenizer: Tokenizer, id: number, logprob: number | null): string[] {
  const text = JSON.stringify(tokenizer.decode([id]));
  return logprob === null ? [String(id), '-', text] : [String(id), logprob.toFixed(4), text];
}

/** Scores a text or token ids. */
export async function score(checkpoint: string, options: ScoreOptions): Promise<CommandOutput> {
  const idsOf = chooseIds(options);
  const { model, tokenizer } = await openModel(checkpoint, options);
  const ids = idsOf(tokenizer);
  const logprobs = await scoreTokens(model, ids);
  const total = logprobs.reduce<number>((sum, logprob) => sum + (logprob ?? 0), 0);
  const rows = ids.map((id, index) => tokenRow(tokenizer, id, logprobs[index] ?? null));
  return {
    json: { ids, logprobs },
    lines: [
      ...formatHeadedTable([['id', 'log p', 'token'], ...rows], outputWidth(), [0, 1]),
      '',
      `${plural(ids.length, 'token')}, log probability ${total.toFixed(4)} after the first`,
    ],
  };
}
