import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Chat } from '../../src/cli/chat/chat.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { transcriptFormat } from '../../src/generate/chat/chat-prompt.ts';
import { Conversation } from '../../src/generate/chat/conversation.ts';
import { greedy } from '../generate/collect.ts';
import { FakeDecoder } from '../generate/fake-decoder.ts';
import { temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const tokenizer = await createTokenizer('bytes', () => []);

function start(maxNewTokens = 7) {
  const decoder = new FakeDecoder({ vocabSize: tokenizer.vocabSize, capacity: 5000 });
  const conversation = new Conversation(createGenerator(decoder, tokenizer), transcriptFormat(tokenizer, [0]), 5000);
  const notes: string[] = [];
  let answers = '';
  const chat = new Chat(
    conversation,
    { maxNewTokens, sampling: greedy },
    {
      answer: (text) => {
        answers += text;
      },
      note: (line) => notes.push(line),
    },
  );
  return { chat, notes, answers: () => answers };
}

describe('a chat', () => {
  it('streams an answer, then says what it cost', async () => {
    const { chat, notes, answers } = start();
    await chat.take('Hello');
    expect(answers().length).toBeGreaterThan(1);
    expect(answers().endsWith('\n')).toBe(true);
    expect(notes).toEqual([expect.stringMatching(/^\(7 tokens, .* tokens\/s, cut off at the limit\)$/)]);
    await chat.take('  ');
    expect(notes).toHaveLength(1);
  });

  it('stops an answer, and only that', async () => {
    const { chat, notes } = start(4000);
    expect(chat.stopAnswer()).toBe(false);
    const answer = chat.take('Hello');
    await Promise.resolve();
    expect(chat.stopAnswer()).toBe(true);
    await answer;
    expect(notes[0]).toMatch(/stopped\)$/);
    expect(chat.stopAnswer()).toBe(false);
    await chat.take('/set max-new-tokens 3');
    await chat.take('again');
    expect(notes.at(-1)).toMatch(/^\(3 tokens/);
  });

  it('changes settings, and names what cannot be', async () => {
    const { chat, notes } = start();
    await chat.take('/set temperature 0.7');
    await chat.take('/set');
    expect(notes).toContain('temperature 0.7');
    for (const [line, message] of [
      ['/set temperature hot', 'temperature: expected a number, found "hot"'],
      ['/set top-p 3', 'sampling: topP must be above 0 and at most 1; found 3'],
      ['/set max-new-tokens 0', 'max-new-tokens: expected a whole number from 1 on, found "0"'],
      ['/set colour red', /^\/set: expected max-new-tokens, temperature, .*; found colour$/],
      ['/qiut', '/qiut: unknown command; did you mean /quit? /help lists them'],
      ['/save', /name of a file/],
    ] as const) {
      await chat.take(line);
      expect(notes.at(-1)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
    }
  });

  it('saves what was said to a new file only, and forgets it on demand', async () => {
    const { chat, notes } = start();
    const path = temporary.file('chat.json');
    await chat.take('/system Be brief.');
    await chat.take('Hello');
    await chat.take(`/save ${path}`);
    const { messages } = JSON.parse(readFileSync(path, 'utf8'));
    expect(messages.map(({ role }: { role: string }) => role)).toEqual(['system', 'user', 'assistant']);
    await chat.take(`/save ${path}`);
    expect(notes.at(-1)).toBe(`/save: cannot write ${path}: it exists; choose another name`);
    await chat.take('/reset');
    await chat.take(`/save ${temporary.file('empty.json')}`);
    expect(notes.at(-1)).toMatch(/^1 message saved/);
  });

  it('lists every command, and ends with /quit', async () => {
    const { chat, notes } = start();
    await chat.take('/help');
    expect(notes.map((line) => line.split(' ')[0])).toEqual([
      ...['/help', '/reset', '/system', '/set', '/save', '/quit'],
      'Ctrl-C',
    ]);
    expect(chat.isOver).toBe(false);
    await chat.take('/quit');
    expect(chat.isOver).toBe(true);
  });
});
