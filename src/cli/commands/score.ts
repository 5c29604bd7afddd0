// `tinyseek score`: the natural-log probability of each token given those before it.

import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { backendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { checkpointArgument, jsonOption } from '../common-options.ts';
import { outputWidth } from '../output.ts';
import { checkpointPrecisionOption, precisionLines } from '../precision-option.ts';
import { plural } from '../terminal/format.ts';
import { formatHeadedTable } from '../terminal/table.ts';

export const scoreCommand = defineCommand({
  name: 'score',
  summary: 'probability of each token of a text',
  description: 'Prints the natural-log probability of each token given those before it.',
  arguments: [checkpointArgument],
  options: [
    { flags: '--text <text>', help: 'the text to score' },
    { flags: '--ids <ids>', help: 'token ids instead of a text, separated by commas', conflicts: ['text'] },
    checkpointPrecisionOption,
    ...backendOptions(),
    jsonOption,
  ],
  examples: [
    ['score runs/first --text "Call me Ishmael."', 'a text'],
    ['score runs/first --ids 12,7,101 --json', 'token ids'],
  ],
  run: async (checkpoint, options) => {
    const idsOf = options.ids === undefined ? idsOfText(options.text) : idsOfList(options.ids);
    const { scoreTokens } = await import('../../generate/score.ts');
    const { openModel } = await import('../open-model.ts');
    const opened = await openModel(checkpoint, options);
    const { model, tokenizer, precision } = opened;
    const ids = idsOf(tokenizer);
    const logprobs = await scoreTokens(model, ids);
    const total = logprobs.reduce<number>((sum, logprob) => sum + (logprob ?? 0), 0);
    const rows = ids.map((id, index) => tokenRow(tokenizer, id, logprobs[index] ?? null));
    return {
      json: { ids, logprobs, precision },
      lines: [
        ...formatHeadedTable([['id', 'log p', 'token'], ...rows], outputWidth(), [0, 1]),
        '',
        `${plural(ids.length, 'token')}, log probability ${total.toFixed(4)} after the first`,
        ...precisionLines(opened),
      ],
    };
  },
});

/** How to get the ids, once there is a tokenizer; what can be wrong without one is found at once. */
type Ids = (tokenizer: Tokenizer) => readonly number[];

function idsOfText(text: string | undefined): Ids {
  if (text === undefined) throw new UserError('score: expected a text or token ids; give --text or --ids');
  if (text === '') throw new UserError('score: --text is empty; give at least one character');
  return (tokenizer) => Array.from(tokenizer.encode(text));
}

function idsOfList(list: string): Ids {
  const ids = list.split(',').map((part) => {
    const id = part.trim();
    if (/^\d+$/.test(id)) return Number(id);
    throw new UserError(
      `score: --ids must be token ids separated by commas, such as 12,7,101; found ${JSON.stringify(id)}`,
    );
  });
  return () => ids;
}

function tokenRow(tokenizer: Tokenizer, id: number, logprob: number | null): string[] {
  const text = JSON.stringify(tokenizer.decode([id]));
  return logprob === null ? [String(id), '-', text] : [String(id), logprob.toFixed(4), text];
}
