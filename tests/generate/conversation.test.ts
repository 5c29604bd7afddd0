import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { transcriptFormat } from '../../src/generate/chat/chat-prompt.ts';
import { type AnswerOptions, Conversation } from '../../src/generate/chat/conversation.ts';
import { defaultSampling } from '../../src/generate/sampling/sampling.ts';
import { greedy } from './collect.ts';
import { FakeDecoder } from './fake-decoder.ts';

const tokenizer = await createTokenizer('bytes', () => []);

function start(capacity = 400) {
  const decoder = new FakeDecoder({ vocabSize: tokenizer.vocabSize, capacity });
  const format = transcriptFormat(tokenizer, [tokenizer.eosTokenId]);
  return { decoder, conversation: new Conversation(createGenerator(decoder, tokenizer), format, capacity) };
}

const options: AnswerOptions = {
  maxNewTokens: 7,
  sampling: greedy,
  signal: new AbortController().signal,
  onText: () => {},
};

/** The texts of the prompts that the decoder was given. */
function prompts({ forwards }: FakeDecoder): string[] {
  const long = forwards.flat().filter(({ tokens }) => tokens.length > 1);
  return long.map(({ tokens }) => tokenizer.decode(tokens));
}

describe('a conversation', () => {
  it('puts everything said before into the next prompt', async () => {
    const { conversation, decoder } = start();
    conversation.reset('Be brief.');
    const pieces: string[] = [];
    const { text, statistics } = await conversation.say('Hi', { ...options, onText: (piece) => pieces.push(piece) });
    expect(pieces.join('')).toBe(text);
    expect(statistics.newTokens).toBe(7);
    await conversation.say('Go on', options);
    expect(prompts(decoder)).toEqual([
      'System:\nBe brief.\n\nUser:\nHi\n\nAssistant:\n',
      `System:\nBe brief.\n\nUser:\nHi\n\nAssistant:\n${text}\n\nUser:\nGo on\n\nAssistant:\n`,
    ]);
    expect(conversation.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
  });

  it('leaves out the first turns, but not the system message, when the context is full', async () => {
    const { conversation, decoder } = start(200);
    conversation.reset('Rules.');
    const forgotten: number[] = [];
    for (const said of ['one', 'two', 'three', 'four', 'five', 'six', 'seven']) {
      forgotten.push((await conversation.say(said, options)).forgotten);
    }
    expect(forgotten[0]).toBe(0);
    expect(forgotten.at(-1)).toBeGreaterThan(0);
    const last = prompts(decoder).at(-1)!;
    expect(last.startsWith('System:\nRules.\n\nUser:\n')).toBe(true);
    expect(last).toContain('seven');
    expect(last).not.toContain('one');
    expect(last.length).toBeLessThanOrEqual(200 - 7 + 1);
  });

  it('keeps an answer that is stopped as far as it came', async () => {
    const { conversation } = start();
    const controller = new AbortController();
    let count = 0;
    const onText = () => void (++count === 3 && controller.abort());
    const { finishReason, text } = await conversation.say('Hi', {
      ...options,
      maxNewTokens: 300,
      signal: controller.signal,
      onText,
    });
    expect(finishReason).toBe('aborted');
    expect(conversation.messages.at(-1)).toEqual({ role: 'assistant', content: text });
  });

  it('leaves no trace of a message that is too long', async () => {
    const { conversation } = start(50);
    await expect(conversation.say('x'.repeat(60), options)).rejects.toThrow(/the context ends at 50/);
    expect(conversation.messages).toEqual([]);
  });

  it('answers the same words differently the second time, and alike after a reset', async () => {
    const { conversation } = start();
    const sampled = { ...options, sampling: { ...defaultSampling, temperature: 1 } };
    const first = await conversation.say('Hi', sampled);
    const second = await conversation.say('Hi', sampled);
    expect(second.text).not.toBe(first.text);
    conversation.reset();
    expect((await conversation.say('Hi', sampled)).text).toBe(first.text);
  });
});
