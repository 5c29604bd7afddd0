// A chat template that does not end, and a tokenizer whose pattern does not: the server answers others, and stops.

import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { openPromptFormat } from '../../src/generate/chat/prompt-format.ts';
import { useTempFolder } from '../io/helpers.ts';
import { type TestServer, serve, tokenizer } from './with-server.ts';

const path = useTempFolder();
const endless =
  '{% for a in range(3000) %}{% for b in range(3000) %}{% for c in range(3000) %}{% endfor %}{% endfor %}{% endfor %}';

function promptsWith(template: string) {
  mkdirSync(path('model'));
  writeFileSync(path('model', 'chat_template.jinja'), template);
  return openPromptFormat(path('model'), tokenizer);
}

/** Bytes, with a pattern that takes twice as long for each further letter before a sign. */
function slowTokenizer() {
  const pattern = { type: 'Split', pattern: { Regex: '(a+)+b' }, behavior: 'Isolated', invert: false };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const sequence = { type: 'Sequence', pretokenizers: [pattern, byteLevel] };
  return tokenizerFromHuggingFace({ ...tokenizer.toHuggingFace(), pre_tokenizer: sequence });
}

const slowText = `${'a'.repeat(64)}!`;
const hello = [{ role: 'user' as const, content: 'Hi' }];

async function expectToStop({ server, generator, client, records }: TestServer): Promise<void> {
  expect(await client.models.list()).toMatchObject({ data: [{ id: 'whale/one' }] });
  expect([server.active, generator.requests]).toEqual([1, []]);
  await server.close(0);
  expect(records.map(({ status }) => status)).toContain(503);
}

describe('a server with code of strangers that does not end', () => {
  it('answers others while a template runs, and stops', async () => {
    const test = await serve({ model: { prompts: await promptsWith(endless) } });
    const asking = test.client.chat.completions.create({ model: 'whale/one', messages: hello }).catch(() => null);
    await expect.poll(() => test.server.active).toBe(1);
    await expectToStop(test);
    await asking;
  });

  it('answers others while a text is encoded, and stops', async () => {
    const test = await serve({ model: { tokenizer: slowTokenizer() } });
    const asking = test.client.completions.create({ model: 'whale/one', prompt: slowText }).catch(() => null);
    await expect.poll(() => test.server.active).toBe(1);
    await expectToStop(test);
    await asking;
  });
});

describe('code of strangers that does not end', () => {
  it('is ended: a template, after ten seconds', async () => {
    const { chat } = await promptsWith(endless);
    await expect(chat.encode(hello)).rejects.toThrow(
      'chat: the chat template took more than 10 seconds; it does not come to an end; use another chat_template.jinja',
    );
  });

  it('is ended: a pattern, for whoever waits for the tokens', () => {
    const slow = slowTokenizer();
    expect(Array.from(slow.encode('aab!'))).toEqual(Array.from(tokenizer.encode('aab!')));
    expect(() => slow.encode(slowText)).toThrow(
      'tokenizer: tokenizer.json: encoding a text took more than 11 seconds; its patterns are not fit for that text',
    );
  });

  it.each([
    ['a list without end', '{% for a in range(10 ** 12) %}x{% endfor %}'],
    [
      'a text that doubles',
      `{% set t = namespace(s='0123456789') %}{% for i in range(60) %}{% set t.s = t.s ~ t.s %}{% endfor %}{{ t.s }}`,
    ],
    ['deep nesting', '{% if true %}'.repeat(20_000)],
  ])('property: %s is an answer or a UserError', async (_, template) => {
    const error = await promptsWith(template)
      .then(({ chat }) => chat.encode(hello))
      .then(
        () => null,
        (found: unknown) => found,
      );
    if (error !== null) expect(error).toBeInstanceOf(UserError);
  });
});
