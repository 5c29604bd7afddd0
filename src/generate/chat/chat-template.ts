// A conversation as tokens for a model with a chat template: the Jinja source that Hugging Face folders carry.
//
// A template writes special tokens as text. A user's text may contain the same characters, and must not become
// those tokens. So marks are put into each such place before rendering, and taken out again when the text is encoded.

import { Template } from '@huggingface/jinja';
import { addedTokens } from '../../data/tokenizers/added-tokens.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import type { PromptFiles } from '../../io/prompt-files.ts';
import type { ChatFormat, ChatMessage } from './chat-prompt.ts';

/** A code point that Unicode reserves for use inside programs: no text has it. */
const mark = '\uFDD0';

/**
 * Conversations through a chat template.
 *
 * The template decides about every token, those that begin a document included.
 * @throws UserError when the source is not a Jinja template.
 */
export function templateFormat(tokenizer: Tokenizer, source: string, files: PromptFiles): ChatFormat {
  const template = explain('the chat template cannot be read', () => new Template(source));
  const names = { bos_token: files.bosToken, eos_token: files.eosToken, add_generation_prompt: true };
  const added = new Map(addedTokens(tokenizer).map(({ id, content }) => [content, id]));
  const places = anyOf([...added.keys()]);
  const protect = ({ role, content }: ChatMessage) => ({ role, content: breakUp(content, places) });
  return {
    kind: 'template',
    stop: [],
    encode: (messages) => {
      const variables = { ...names, messages: messages.map(protect) };
      const text = explain('the chat template refuses these messages', () => template.render(variables));
      return encodeWithAdded(tokenizer, text, places, added);
    },
  };
}

function explain<T>(problem: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new UserError(`chat: ${problem}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Matches any of the texts that has no mark before it; if several begin at the same place, the longest. */
function anyOf(texts: readonly string[]): RegExp {
  const longestFirst = texts.toSorted((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`(?<!${mark})(${escaped.join('|')})`, 'gu');
}

/**
 * The text with a mark before every character of every match, so that no match is left, not even one that overlaps
 * another. Marks that the text itself contains are dropped.
 */
function breakUp(text: string, places: RegExp): string {
  return text.replaceAll(mark, '').replace(places, (found) => Array.from(found, (char) => mark + char).join(''));
}

function encodeWithAdded(
  tokenizer: Tokenizer,
  text: string,
  places: RegExp,
  added: ReadonlyMap<string, number>,
): number[] {
  // Splitting at a group keeps what matched: texts and tokens take turns.
  return text.split(places).flatMap((part, index) => {
    return index % 2 === 1 ? [added.get(part)!] : Array.from(tokenizer.encode(part.replaceAll(mark, '')));
  });
}
