// A conversation as tokens, with a mark on those that the model is to learn to write.

import type { Turn } from '../../data/transcript.ts';
import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { type ChatTemplate, templateTokens } from './chat-template.ts';

/** A sample of training: one conversation. */
export interface EncodedConversation {
  readonly ids: Int32Array; // [L]
  /** 1 for the tokens of answers and the token that ends each, more for verdicts, 0 for what the model is given. */
  readonly labelWeights: Uint8Array; // [L]
}

/** Encodes conversations, and the beginnings that are to be answered. */
export interface TemplateEncoder {
  /** The last token of each answer's text weighs `verdictWeight`: 1 to 255, 1 unless another is given. */
  readonly conversation: (turns: readonly Turn[], verdictWeight?: number) => EncodedConversation;
  /** Ids up to where the next answer begins. */
  readonly prompt: (turns: readonly Turn[]) => number[];
}

const roles: ReadonlySet<string> = new Set(['system', 'user', 'assistant']);

/**
 * An encoder of conversations by a template.
 *
 * Text before an answer and the answer are encoded apart, since a model that is asked reads the one and writes the
 * other.
 *
 * Example: the template `plain` makes of the user's `0b:` and the answer `2=2` the ids of `⟨eos⟩0b:2=2⟨eos⟩`, and marks
 * the last four.
 *
 * @throws UserError for a tokenizer that lacks a token of the template.
 */
export function templateEncoder(template: ChatTemplate, tokenizer: Tokenizer): TemplateEncoder {
  const tokens = templateTokens(template, tokenizer);
  const boundaries = { bos: tokenizer.bosTokenId, eos: tokenizer.eosTokenId };
  const writer = () => {
    const ids: number[] = [];
    const labelWeights: number[] = [];
    let text = '';
    let answers = false;
    const flush = (): void => {
      if (text === '') return;
      add(tokenizer.encode(text));
      text = '';
    };
    const add = (more: ArrayLike<number>): void => {
      for (let i = 0; i < more.length; i++) {
        ids.push(more[i]!);
        labelWeights.push(Number(answers));
      }
    };
    return {
      write(parts: ReturnType<ChatTemplate['start']>, asAnswer: boolean): void {
        for (const part of parts) {
          if (asAnswer !== answers) flush();
          if (!('text' in part)) flush();
          answers = asAnswer;
          if ('text' in part) text += part.text;
          else add([idOf(part)]);
        }
      },
      /** The token before weighs so much. What follows is encoded apart, so that it is not joined with it. */
      weigh(weight: number): void {
        flush();
        labelWeights[labelWeights.length - 1] = weight;
      },
      end(): { readonly ids: number[]; readonly labelWeights: number[] } {
        flush();
        return { ids, labelWeights };
      },
    };
  };
  const idOf = (part: { readonly token: string } | { readonly boundary: 'bos' | 'eos' }): number => {
    const id = 'token' in part ? tokens.get(part.token) : boundaries[part.boundary];
    if (id === undefined || id === null) throw lacksBoundary(template, tokenizer);
    return id;
  };
  const render = (turns: readonly Turn[], verdictWeight = 1) => {
    const { write, weigh, end } = writer();
    write(template.start(), false);
    for (const [index, turn] of turns.entries()) {
      const isAnswer = turn.role === 'assistant';
      write(template.opening(turn, index), false);
      write([{ text: turn.content }], isAnswer);
      if (isAnswer && turn.content !== '' && verdictWeight !== 1) weigh(verdictWeight);
      write(template.closing(turn), isAnswer);
    }
    return { write, end };
  };
  return {
    conversation: (turns, verdictWeight) => {
      checkTurns(turns);
      const { ids, labelWeights } = render(turns, verdictWeight).end();
      return { ids: Int32Array.from(ids), labelWeights: Uint8Array.from(labelWeights) };
    },
    prompt: (turns) => {
      const { write, end } = render(turns);
      write(template.opening({ role: 'assistant', content: '' }, turns.length), false);
      return end().ids;
    },
  };
}

/** @throws UserError for turns without an answer, and for roles that no template here knows. */
export function checkTurns(turns: readonly Turn[]): void {
  const stranger = turns.find(({ role }) => !roles.has(role));
  if (stranger !== undefined) {
    throw new UserError(
      `a turn has the role ${JSON.stringify(stranger.role)}; templates have system, user and assistant: rename it, ` +
        'or leave such turns out',
    );
  }
  const answers = turns.filter(({ role }) => role === 'assistant');
  if (answers.some(({ content }) => content !== '')) return;
  throw new UserError('there is no answer to learn from: no turn of the role assistant with a text');
}

function lacksBoundary({ name }: ChatTemplate, tokenizer: Tokenizer): UserError {
  return new UserError(
    `sft: the template ${name} needs a token that begins or ends a document, which the tokenizer ${tokenizer.name} ` +
      'lacks; name one of its tokens in tokenizer_config.json, or take a tokenizer that has one',
  );
}
