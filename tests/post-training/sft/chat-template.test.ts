// Templates: the Jinja source and the function write the same, and only answers are marked.

import { Template } from '@huggingface/jinja';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addedTokens } from '../../../src/data/tokenizers/added-tokens.ts';
import { createTokenizer } from '../../../src/data/tokenizers/create-tokenizer.ts';
import { addedToken } from '../../../src/data/tokenizers/special-tokens.ts';
import { tokenizerFromHuggingFace } from '../../../src/data/tokenizers/hugging-face-tokenizer.ts';
import type { Turn } from '../../../src/data/transcript.ts';
import type { Tokenizer } from '../../../src/data/types.ts';
import { transcriptFormat } from '../../../src/generate/chat/chat-prompt.ts';
import { chatTemplate, chatTemplateNames } from '../../../src/post-training/sft/chat-template.ts';
import { templateEncoder } from '../../../src/post-training/sft/encode-conversation.ts';
import '../../../src/node.ts';

const bytes = await createTokenizer('bytes', () => []);
const withRoles = tokenizerFromHuggingFace({
  ...bytes.toHuggingFace(),
  added_tokens: [
    ...(bytes.toHuggingFace().added_tokens as object[]),
    ...['<｜User｜>', '<｜Assistant｜>'].map((name, i) => addedToken(261 + i, name)),
  ],
});

/** Ids as text, added tokens by their names. */
function shown(ids: ArrayLike<number>, tokenizer: Tokenizer): string {
  const names = new Map(addedTokens(tokenizer).map(({ id, content }) => [id, content]));
  const parts: string[] = [];
  let plain: number[] = [];
  for (const id of Array.from(ids)) {
    const name = names.get(id);
    if (name === undefined) plain.push(id);
    else {
      parts.push(tokenizer.decode(plain), name);
      plain = [];
    }
  }
  return [...parts, tokenizer.decode(plain)].join('');
}

const variables = { bos_token: '<｜begin▁of▁sentence｜>', eos_token: '<｜end▁of▁sentence｜>' };
const turn = (role: string) => fc.record({ role: fc.constant(role), content: fc.string({ unit: 'grapheme' }) });
const conversations = fc
  .tuple(fc.option(turn('system')), fc.array(fc.tuple(turn('user'), turn('assistant')), { minLength: 1, maxLength: 3 }))
  .map(([system, pairs]): Turn[] => [...(system === null ? [] : [system]), ...pairs.flat()])
  .filter((turns) => turns.some(({ role, content }) => role === 'assistant' && content !== ''))
  .filter((turns) => turns.every(({ content }) => !/[<\n]/.test(content)));

describe.each(chatTemplateNames)('the template %s', (name) => {
  const template = chatTemplate(name);
  const encoder = templateEncoder(template, withRoles);
  const jinja = new Template(template.source);

  it('property: the function and the Jinja source write the same', () => {
    fc.assert(
      fc.property(conversations, (turns) => {
        const { ids } = encoder.conversation(turns);
        expect(shown(ids, withRoles)).toBe(jinja.render({ ...variables, messages: turns }));
        const prompt = jinja.render({ ...variables, messages: turns.slice(0, -1), add_generation_prompt: true });
        expect(shown(encoder.prompt(turns.slice(0, -1)), withRoles)).toBe(prompt);
      }),
    );
  });

  it('property: marks the answers and the token after each, and a prompt is the conversation up to the answer', () => {
    fc.assert(
      fc.property(conversations, (turns) => {
        const { ids, labelWeights } = encoder.conversation(turns);
        const marked = ids.filter((_, i) => labelWeights[i] === 1);
        const answers = turns.filter(({ role }) => role === 'assistant').map(({ content }) => content);
        expect(shown(marked, withRoles)).toBe(answers.map((text) => `${text}${variables.eos_token}`).join(''));
        const prompt = encoder.prompt(turns.slice(0, -1));
        expect(Array.from(ids.slice(0, prompt.length))).toEqual(prompt);
      }),
    );
  });

  it('property: a verdict, the last token of each answer, can weigh more than the others', () => {
    fc.assert(
      fc.property(conversations, (turns) => {
        const { ids, labelWeights } = encoder.conversation(turns, 8);
        const answers = turns.filter(({ role, content }) => role === 'assistant' && content !== '');
        const heavy = ids.filter((_, i) => labelWeights[i] === 8);
        const last = answers.map(({ content }) => withRoles.encode(content).at(-1)!);
        expect(Array.from(heavy)).toEqual(last);
        expect(shown(ids, withRoles)).toBe(shown(encoder.conversation(turns).ids, withRoles));
      }),
    );
  });
});

describe('templates', () => {
  it('transcript is the form in which models without a template are asked', async () => {
    const turns = [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Where do herons sleep?' },
    ] as const;
    const asked = await transcriptFormat(bytes, [bytes.eosTokenId]).encode(turns);
    expect(templateEncoder(chatTemplate('transcript'), bytes).prompt(turns)).toEqual(asked);
  });

  it('says which tokens a tokenizer lacks, and knows names that are nearly right', () => {
    expect(() => templateEncoder(chatTemplate('deepseek'), bytes)).toThrow(
      /needs the tokens <｜User｜> and <｜Assistant｜>, which the tokenizer bytes lacks; use the template transcript/,
    );
    expect(() => chatTemplate('deepsek')).toThrow(/did you mean deepseek/);
  });

  it('refuses conversations without an answer, and roles that it would lose', () => {
    const { conversation } = templateEncoder(chatTemplate('plain'), bytes);
    expect(() => conversation([{ role: 'user', content: 'Hello' }])).toThrow(/there is no answer to learn from/);
    expect(() => conversation([{ role: 'assistant', content: '' }])).toThrow(/there is no answer to learn from/);
    const tool = [
      { role: 'tool', content: '4' },
      { role: 'assistant', content: 'four' },
    ];
    expect(() => conversation(tool)).toThrow(/has the role "tool"; templates have system, user and assistant/);
  });
});
