// How a model that was fine-tuned here is asked a problem.

import type { Tokenizer } from '../../data/types.ts';
import { documentPrompt, type PromptEncoder } from '../../evaluate/evaluate-task.ts';
import { chatTemplateOf } from './chat-template.ts';
import { templateEncoder } from './encode-conversation.ts';

/**
 * Problems as `sft` has taught the model to read them: through its template, with a system prompt if there is one. A
 * model without a template of ours reads them at the beginning of a document.
 */
export function taughtPrompt(tokenizer: Tokenizer, system?: string): PromptEncoder {
  const template = chatTemplateOf(tokenizer);
  if (template === null) return documentPrompt(tokenizer, system);
  const encoder = templateEncoder(template, tokenizer);
  const first = system === undefined ? [] : [{ role: 'system', content: system }];
  return ({ prompt }) => encoder.prompt([...first, { role: 'user', content: prompt }]);
}
