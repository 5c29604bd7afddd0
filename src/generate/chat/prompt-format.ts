// How texts and conversations become prompts of one model.

import type { Tokenizer } from '../../data/types.ts';
import { readPromptFiles } from '../../io/prompt-files.ts';
import { type ChatFormat, transcriptFormat } from './chat-prompt.ts';
import { templateFormat } from './chat-template.ts';

export interface PromptFormat {
  /** Tokens before the text of a prompt: what the model saw in training where a document begins. */
  readonly start: readonly number[];
  readonly chat: ChatFormat;
}

/**
 * The prompts of the model in a folder. A text follows the token that ended the document before it, as in training
 * here, or the beginning-of-sentence token where the folder asks for one.
 *
 * @throws UserError when a file of the folder cannot be used.
 */
export async function openPromptFormat(folder: string, tokenizer: Tokenizer): Promise<PromptFormat> {
  const files = readPromptFiles(folder);
  const start = [files.addBosToken ? tokenizer.bosTokenId : tokenizer.eosTokenId];
  const { chatTemplate } = files;
  const chat =
    chatTemplate === null ? transcriptFormat(tokenizer, start) : await templateFormat(tokenizer, chatTemplate, files);
  return { start, chat };
}
