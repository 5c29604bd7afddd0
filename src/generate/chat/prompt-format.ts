// How texts and conversations become prompts of one model.

import * as z from 'zod';
import type { Tokenizer } from '../../data/types.ts';
import { type PromptFiles, readPromptFiles } from '../../io/prompt-files.ts';
import { type ChatFormat, transcriptFormat } from './chat-prompt.ts';
import { templateFormat } from './chat-template.ts';

export interface PromptFormat {
  /** Tokens before the text of a prompt: what the model saw in training where a document begins; there may be none. */
  readonly start: readonly number[];
  readonly chat: ChatFormat;
}

/**
 * The prompts of the model in a folder. A text follows the token that ended the document before it, as in training
 * here, or the beginning-of-sentence token where the folder asks for one. The text of a model from elsewhere follows
 * what its tokenizer puts there (the post-processor of `tokenizer.json`, or else `add_bos_token`): that may be nothing.
 *
 * @throws UserError when a file of the folder cannot be used.
 */
export async function openPromptFormat(folder: string, tokenizer: Tokenizer): Promise<PromptFormat> {
  const files = readPromptFiles(folder);
  const start = promptStart(tokenizer, files);
  const { chatTemplate } = files;
  const chat =
    chatTemplate === null ? transcriptFormat(tokenizer, start) : await templateFormat(tokenizer, chatTemplate, files);
  return { start, chat };
}

/** What comes before every prompt; a model from elsewhere has seen nothing there that no file of its folder names. */
function promptStart(tokenizer: Tokenizer, { addBosToken, isForeign }: PromptFiles): readonly number[] {
  const added = postProcessorStart(tokenizer.toHuggingFace().post_processor);
  if (isForeign && added !== null) return added;
  const start = addBosToken ? tokenizer.bosTokenId : isForeign ? null : tokenizer.eosTokenId;
  return start === null ? [] : [start];
}

const templateSchema = z.object({
  type: z.literal('TemplateProcessing'),
  single: z.array(z.object({ SpecialToken: z.object({ id: z.string() }).optional() })),
  special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().min(0)) })),
});
const sequenceSchema = z.object({ type: z.literal('Sequence'), processors: z.array(z.unknown()) });

/** The tokens that the post-processor of a `tokenizer.json` puts before a text; null if it has none that could. */
function postProcessorStart(postProcessor: unknown): readonly number[] | null {
  const sequence = sequenceSchema.safeParse(postProcessor);
  const parts = sequence.success ? sequence.data.processors : [postProcessor];
  const template = parts.map((part) => templateSchema.safeParse(part)).find(({ success }) => success)?.data;
  if (template === undefined) return null;
  const { single, special_tokens: specials } = template;
  const text = single.findIndex(({ SpecialToken: special }) => special === undefined);
  return single
    .slice(0, Math.max(text, 0))
    .flatMap(({ SpecialToken: special }) => specials[special?.id ?? '']?.ids ?? []);
}
