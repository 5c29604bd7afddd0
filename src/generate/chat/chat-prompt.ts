// A conversation as tokens for a model without a chat template: a plain transcript.
//
// A base model has seen no conversations. A transcript is the form that it is most likely to continue, and it is
// stopped at the line that begins the user's next turn.

import { encodeAside } from '../../data/tokenizers/encode-aside.ts';
import { conversationText, turnHeading } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** How conversations become prompts. */
export interface ChatFormat {
  readonly kind: 'template' | 'transcript';
  /** Texts that end an answer, besides the end-of-sequence token. */
  readonly stop: readonly string[];
  /**
   * Tokens of a conversation, up to where the next answer begins. The signal ends what nobody waits for any more.
   *
   * @throws UserError when the template refuses the conversation, or does not come to an end.
   */
  encode(messages: readonly ChatMessage[], signal?: AbortSignal): Promise<number[]>;
}

/**
 * The transcript: each message under a line with its role, a blank line between messages, and a last line `Assistant:`.
 *
 * A message that contains such lines itself cannot be told from several messages.
 */
export function transcript(messages: readonly ChatMessage[]): string {
  return conversationText([...messages, { role: 'assistant', content: '' }]);
}

/** Conversations as a transcript at the start of a document, after the `start` tokens. */
export function transcriptFormat(tokenizer: Tokenizer, start: readonly number[]): ChatFormat {
  return {
    kind: 'transcript',
    stop: [`\n\n${turnHeading('user')}`],
    encode: async (messages, signal) => [...start, ...(await encodeAside(tokenizer, transcript(messages), signal))],
  };
}
