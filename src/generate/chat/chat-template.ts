// A conversation as tokens for a model with a chat template: the Jinja source that Hugging Face folders carry.
//
// A template writes special tokens as text. A user's text may contain the same characters, and must not become
// those tokens. So marks are put into each such place before rendering, and taken out again when the text is encoded.
//
// A template is a program, and may be anybody's: it runs in a process with limits.

import { extname } from 'node:path';
import { LimitedProcess } from '../../data/foreign-code/limited-process.ts';
import { addedTokens } from '../../data/tokenizers/added-tokens.ts';
import { encodeAside } from '../../data/tokenizers/encode-aside.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import type { PromptFiles } from '../../io/prompt-files.ts';
import type { ChatFormat, ChatMessage } from './chat-prompt.ts';

/** A code point that Unicode reserves for use inside programs: no text has it. */
const mark = '\uFDD0';

const entry = new URL(`./template-process${extname(import.meta.url)}`, import.meta.url);

const limits = {
  what: 'chat: the chat template',
  remedy: 'it does not come to an end; use another chat_template.jinja, or none',
  readSeconds: 10,
  seconds: 10,
  memory: 256,
};

/**
 * Conversations through a chat template.
 *
 * The template decides about every token, those that begin a document included.
 * @throws UserError when the source is not a Jinja template.
 */
export async function templateFormat(tokenizer: Tokenizer, source: string, files: PromptFiles): Promise<ChatFormat> {
  const template = new LimitedProcess(entry, source, limits);
  await explain('the chat template cannot be read', template.call(null));
  const names = { bos_token: files.bosToken, eos_token: files.eosToken, add_generation_prompt: true };
  const added = new Map(addedTokens(tokenizer).map(({ id, content }) => [content, id]));
  const places = anyOf([...added.keys()]);
  const protect = ({ role, content }: ChatMessage) => ({ role, content: breakUp(content, places) });
  return {
    kind: 'template',
    stop: [],
    encode: async (messages, signal) => {
      const variables = { ...names, messages: messages.map(protect) };
      const text = await explain(
        'the chat template refuses these messages',
        template.call(variables, { signal }),
        signal,
      );
      return encodeWithAdded(String(text), places, added, (part) => encodeAside(tokenizer, part, signal));
    },
  };
}

async function explain<T>(problem: string, result: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    if (cause instanceof UserError || signal?.aborted === true) throw cause;
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

async function encodeWithAdded(
  text: string,
  places: RegExp,
  added: ReadonlyMap<string, number>,
  encode: (part: string) => Promise<Int32Array>,
): Promise<number[]> {
  const ids: number[] = [];
  // Splitting at a group keeps what matched: texts and tokens take turns.
  for (const [index, part] of text.split(places).entries()) {
    if (index % 2 === 1) ids.push(added.get(part)!);
    else for (const id of await encode(part.replaceAll(mark, ''))) ids.push(id);
  }
  return ids;
}
