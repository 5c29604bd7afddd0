// Kept answers as JSON Lines: one conversation a line, as `sft --data` reads them.

import { replaceFile } from '../../io/replace-file.ts';
import { conversationOf, type JudgedAnswer } from './sample-answers.ts';

/** Writes the file in one step; one that is there is replaced. */
export function writeAnswers(file: string, kept: readonly Pick<JudgedAnswer, 'problem' | 'completion'>[]): void {
  const lines = kept.map((answer) => JSON.stringify({ messages: conversationOf(answer) }));
  replaceFile(file, `${lines.join('\n')}\n`, 'sample');
}
