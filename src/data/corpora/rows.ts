// One row of JSON Lines or of a table as a document: a text, a conversation, or a question with its answer.

import { UserError } from '../../errors.ts';
import { conversationText, type Turn } from '../transcript.ts';

/** What a row holds; null for one whose text is missing (null). */
export interface RowText {
  readonly text: string | null;
  readonly isConversation: boolean;
}

const textKeys = ['text', 'content'];
const conversationKeys = ['messages', 'conversations', 'conversation'];
/** Keys of a question, of what may be added to it, and of the answer. */
const pairs = [
  { question: 'prompt', context: null, answers: ['completion', 'response'] },
  { question: 'instruction', context: 'input', answers: ['output', 'response'] },
  { question: 'question', context: 'context', answers: ['answer', 'response'] },
] as const;

/** What other files call the three roles. */
const roles: Readonly<Record<string, string>> = {
  human: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  developer: 'system',
};

type RowValues = Readonly<Record<string, unknown>>;

/**
 * The document of a row: what is under `textKey`, or else under the first key that is known.
 *
 * Known are `text` and `content`; `messages` and `conversations`, lists of turns in OpenAI's form (`role`, `content`)
 * or ShareGPT's (`from`, `value`); and pairs such as `prompt` with `completion`. Turns and pairs become a transcript.
 *
 * @throws UserError that begins with `where` for a row without any of these.
 */
export function textOfRow(row: unknown, textKey: string, where: string): RowText {
  if (row === null) return { text: null, isConversation: false };
  if (typeof row === 'string') return { text: row, isConversation: false };
  if (typeof row !== 'object' || Array.isArray(row)) throw noText(row, where);
  const values: RowValues = { ...row };
  if (textKey !== '') return textUnder(textKey, values, where);
  const key = [...textKeys, ...conversationKeys].find((name) => (values[name] ?? null) !== null);
  if (key !== undefined) return textUnder(key, values, where);
  const pair = pairOf(values);
  if (pair !== undefined) {
    const turns = turnsOfPair(pair, values, where);
    return { text: turns === null ? null : conversationText(turns), isConversation: turns !== null };
  }
  if ([...textKeys, ...conversationKeys].some((name) => name in values)) return { text: null, isConversation: false };
  throw noText(row, where);
}

/**
 * The turns of a row: a conversation, or a question with its answer, where `system` may hold a system prompt; null for
 * a row whose texts are missing (null).
 *
 * @throws UserError that begins with `where` for a row that is neither.
 */
export function turnsOfRow(row: unknown, where: string): readonly Turn[] | null {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw noTurns(row, where);
  const values: RowValues = { ...row };
  const key = conversationKeys.find((name) => Array.isArray(values[name]));
  if (key !== undefined) return turnsOf(values[key] as unknown[], key, where);
  const pair = pairOf(values);
  if (pair === undefined) throw noTurns(row, where);
  const turns = turnsOfPair(pair, values, where);
  const { system } = values;
  if (turns === null || typeof system !== 'string' || system === '') return turns;
  return [{ role: 'system', content: system }, ...turns];
}

function pairOf(values: RowValues): (typeof pairs)[number] | undefined {
  return pairs.find(({ question, answers }) => question in values && answers.some((name) => name in values));
}

function textUnder(key: string, row: RowValues, where: string): RowText {
  const value = row[key];
  if (!Object.hasOwn(row, key)) throw noText(row, where);
  if (value === null) return { text: null, isConversation: false };
  if (typeof value === 'string') return { text: value, isConversation: false };
  if (Array.isArray(value)) return { text: conversationText(turnsOf(value, key, where)), isConversation: true };
  throw new UserError(`${where}: expected a text in "${key}", found ${show(value)}`);
}

function turnsOfPair(
  { question, context, answers }: (typeof pairs)[number],
  row: RowValues,
  where: string,
): readonly Turn[] | null {
  const answer = answers.find((name) => name in row)!;
  if (row[question] === null || row[answer] === null) return null;
  const more = context === null ? '' : row[context];
  const asked = sideOf(question, 'user', row, where);
  const first = typeof more === 'string' && more.trim() !== '' ? addContext(asked, more) : asked;
  return [...first, ...sideOf(answer, 'assistant', row, where)];
}

function addContext(turns: readonly Turn[], context: string): Turn[] {
  return turns.map(({ role, content }) => ({ role, content: `${content}\n\n${context}` }));
}

/** One side of a pair: a text, or turns. */
function sideOf(key: string, role: string, row: RowValues, where: string): Turn[] {
  const value = row[key];
  if (typeof value === 'string') return [{ role, content: value.trim() }];
  if (Array.isArray(value)) return turnsOf(value, key, where);
  throw new UserError(`${where}: expected a text in "${key}", found ${show(value)}`);
}

/** The turns of a conversation; those without text, such as calls of tools, are left out. */
function turnsOf(list: readonly unknown[], key: string, where: string): Turn[] {
  return list.flatMap((turn, i) => {
    const place = `${where}: ${key}[${i}]`;
    if (typeof turn !== 'object' || turn === null)
      throw new UserError(`${place}: expected a turn, found ${show(turn)}`);
    const { role, from, content, value }: Record<string, unknown> = { ...turn };
    const speaker = role ?? from;
    if (typeof speaker !== 'string' || speaker === '') {
      throw new UserError(`${place}: expected who speaks in "role" or "from", found ${show(speaker)}`);
    }
    const text = textOfContent(content ?? value ?? null, place);
    return text === '' ? [] : [{ role: roles[speaker] ?? speaker, content: text }];
  });
}

/** A text, or parts of type `text`. */
function textOfContent(content: unknown, where: string): string {
  if (content === null) return '';
  if (typeof content === 'string') return content;
  const parts: readonly unknown[] = Array.isArray(content) ? content : [content];
  const texts = parts.map((part) => (typeof part === 'object' && part !== null && 'text' in part ? part.text : part));
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  throw new UserError(`${where}: expected a text in "content" or "value", found ${show(content)}`);
}

function noTurns(row: unknown, where: string): UserError {
  const keys = typeof row === 'object' && row !== null && !Array.isArray(row) ? Object.keys(row).slice(0, 12) : [];
  const found = keys.length === 0 ? show(row) : `the keys ${keys.map((key) => `"${key}"`).join(', ')}`;
  return new UserError(
    `${where}: expected questions with answers: "messages", a list of turns, or "prompt" and "response"; found ${found}`,
  );
}

function noText(row: unknown, where: string): UserError {
  const keys = typeof row === 'object' && row !== null && !Array.isArray(row) ? Object.keys(row) : null;
  const found =
    keys === null
      ? show(row)
      : `the keys ${keys
          .slice(0, 12)
          .map((key) => `"${key}"`)
          .join(', ')}`;
  const remedy = keys === null || keys.length === 0 ? '' : `; name the one that holds the text: --text-key ${keys[0]}`;
  return new UserError(
    `${where}: expected an object with a string in "text" or "content", a conversation in "messages", or ` +
      `"prompt" and "completion"; found ${found}${remedy}`,
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 60 ? text : `${text.slice(0, 60)}...`;
}
