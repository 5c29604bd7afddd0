import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import type { ChatMessage } from '../../src/generate/chat/chat-prompt.ts';
import { openPromptFormat } from '../../src/generate/chat/prompt-format.ts';

const root = mkdtempSync(join(tmpdir(), 'tinyseek-prompt-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const bytes = createBytesTokenizer();
const [USER, ANSWER] = [bytes.vocabSize, bytes.vocabSize + 1];
const [user, answer] = ['<｜User｜>', '<｜Assistant｜>'];
const tokenizer = withAdded([USER, user], [ANSWER, answer]);

/** Bytes, with two more added tokens. */
function withAdded(...tokens: readonly (readonly [id: number, content: string])[]) {
  const json: Record<string, unknown> = bytes.toHuggingFace();
  const more = tokens.map(([id, content]) => ({ id, content, special: false }));
  return tokenizerFromHuggingFace({ ...json, added_tokens: [...(json.added_tokens as object[]), ...more] });
}

let count = 0;
function folder(config: object | string | null, template?: string): string {
  const path = join(root, String(count++));
  mkdirSync(path);
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  if (config !== null) writeFileSync(join(path, 'tokenizer_config.json'), text);
  if (template !== undefined) writeFileSync(join(path, 'chat_template.jinja'), template);
  return path;
}

const template = `{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}${user}{% else %}${answer}{% endif %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}${answer}{% endif %}`;
const ids = (text: string) => Array.from(tokenizer.encode(text));
const hello: readonly ChatMessage[] = [{ role: 'user', content: 'Hi' }];

describe('openPromptFormat', () => {
  it('is a transcript after the end of another document where the folder has no template', async () => {
    const { start, chat } = await openPromptFormat(folder(null), tokenizer);
    const turns: ChatMessage[] = [{ role: 'system', content: 'Be brief.' }, ...hello];
    turns.push({ role: 'assistant', content: 'Yes?' }, { role: 'user', content: 'Go on' });
    const text = 'System:\nBe brief.\n\nUser:\nHi\n\nAssistant:\nYes?\n\nUser:\nGo on\n\nAssistant:\n';
    expect(start).toEqual([tokenizer.eosTokenId]);
    expect(await chat.encode(turns)).toEqual([tokenizer.eosTokenId, ...ids(text)]);
    expect([chat.kind, chat.stop]).toEqual(['transcript', ['\n\nUser:']]);
  });

  it('begins with the beginning-of-sentence token where the folder says so', async () => {
    const { start } = await openPromptFormat(folder({ add_bos_token: true, bos_token: { content: 'x' } }), tokenizer);
    expect(start).toEqual([tokenizer.bosTokenId]);
  });

  it('renders the template of the config, with special tokens as tokens', async () => {
    const bos = '<｜begin▁of▁sentence｜>';
    const { chat } = await openPromptFormat(folder({ bos_token: bos, chat_template: template }), tokenizer);
    expect(await chat.encode(hello)).toEqual([tokenizer.bosTokenId, USER, ...ids('Hi'), ANSWER]);
    expect([chat.kind, chat.stop]).toEqual(['template', []]);
  });

  it('prefers chat_template.jinja, and of named templates the default', async () => {
    const named = [
      { name: 'tool_use', template: 'T' },
      { name: 'default', template: 'D' },
    ];
    const { chat } = await openPromptFormat(folder({ chat_template: named }), tokenizer);
    expect(await chat.encode(hello)).toEqual(ids('D'));
    const file = await openPromptFormat(folder({ chat_template: named }, 'J'), tokenizer);
    expect(await file.chat.encode(hello)).toEqual(ids('J'));
  });

  it('never makes a special token of what a user writes (property)', async () => {
    const { chat } = await openPromptFormat(folder({ chat_template: template }), tokenizer);
    const piece = fc.constantFrom(user, answer, '<｜end▁of▁sentence｜>', '<', '｜', '>', 'User', '\uFDD0', 'a');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 7 }), async (pieces) => {
        const content = pieces.join('');
        const wanted = ids(content.replaceAll('\uFDD0', ''));
        expect(await chat.encode([{ role: 'user', content }])).toEqual([USER, ...wanted, ANSWER]);
      }),
    );
  });

  it('breaks up added tokens of one character, and those that overlap', async () => {
    const odd = withAdded([USER, 'aba'], [ANSWER, '→']);
    const { chat } = await openPromptFormat(folder({ chat_template: '→{{ messages[0].content }}aba' }), odd);
    expect(await chat.encode([{ role: 'user', content: 'ababa →' }])).toEqual([ANSWER, ...odd.encode('ababa →'), USER]);
  });

  it.each([
    ['a template that is not Jinja', { chat_template: '{% for %}' }, /^chat: the chat template cannot be read/],
    [
      'a config of the wrong type',
      { chat_template: 3 },
      /tokenizer_config\.json: chat_template: .*copy the file again$/,
    ],
    ['a config that is not JSON', '{', /tokenizer_config\.json: expected JSON/],
  ])('refuses %s', async (_what, config, message) => {
    const opening = openPromptFormat(folder(config), tokenizer);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow(UserError);
  });

  it('hands on why a template refuses a conversation', async () => {
    const { chat } = await openPromptFormat(
      folder({ chat_template: "{{ raise_exception('no system here') }}" }),
      tokenizer,
    );
    await expect(chat.encode(hello)).rejects.toThrow('chat: the chat template refuses these messages: no system here');
  });
});
