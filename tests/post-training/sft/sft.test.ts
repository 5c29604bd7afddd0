// Runs of supervised fine-tuning: they learn, stop where they are told to, go on bit for bit, and become chat models.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { namedTask } from '../../../src/evaluate/tasks/index.ts';
import { loadModelFrom } from '../../../src/generate/load-model.ts';
import { resumeSft, type SftOptions, sft } from '../../../src/post-training/sft/sft.ts';
import { memoryStore } from '../../../src/runs/memory-store.ts';
import { saveModel } from '../../../src/train/save-model.ts';
import { useTempFolder } from '../../io/helpers.ts';
import '../../../src/node.ts';
import type { TaskResult } from '../../../src/evaluate/evaluate-task.ts';
import type { TrainEvent, TrainResult } from '../../../src/train/events.ts';

const chain = namedTask('chain');
const engine = { backend: 'engine', backendOptions: { threads: 1 } } as const;
const short = { ...engine, task: chain, samples: 300, train: { steps: 7, evalEvery: 0, checkpointEvery: 3, seed: 4 } };
const measured = (result: TrainResult) => result.measured as unknown as { before: TaskResult; after: TaskResult };
const weightsOf = async (store: ReturnType<typeof memoryStore>) => (await store.openModel()).weightsSha256();

const herons = {
  name: 'herons',
  conversations: Array.from({ length: 40 }, (_, i) => ({
    turns: [
      { role: 'user', content: `Where does heron ${i} sleep?` },
      { role: 'assistant', content: `In tree ${i % 7}.` },
    ],
  })),
};

const path = useTempFolder();

/** A store with a model that knows the letters of the herons. */
async function trained() {
  const store = memoryStore();
  await sft({ ...engine, conversations: [herons], store, train: { steps: 1 } });
  return store;
}

beforeAll(() => activateBackend('engine', { threads: 1 }));

describe('supervised fine-tuning on a task', () => {
  it('learns the steps until it is right often enough, and measures before and after', async () => {
    const store = memoryStore();
    const result = await sft({ ...engine, task: chain, stopAt: 0.4, store });
    const { before, after } = measured(result);
    expect(result.finished).toBe(true);
    expect(result.steps).toBeLessThan(120); // 63 to 66 steps were measured with other seeds; 334 are an epoch
    expect(before.passAt1).toBeLessThan(0.15);
    expect(after.passAt1).toBeGreaterThan(0.3); // other problems than those that stopped it
    expect(after.meanLength).toBeGreaterThan(9);
    const { planChanges, train } = JSON.parse(JSON.stringify(await store.readSettings()));
    expect([train.steps, planChanges.length]).toEqual([result.steps, 1]);
    const again = await resumeSft({ store });
    expect([again.steps, again.finished, measured(again)]).toEqual([result.steps, true, measured(result)]);
  });

  it('writes answers of the kinds that it was shown, by their shares and with the system prompt', async () => {
    const store = memoryStore();
    const solutions = 'every2@system:3,direct:1';
    await sft({ ...short, solutions, store });
    const { method } = JSON.parse(JSON.stringify(await store.readSettings()));
    expect(method).toMatchObject({
      name: 'sft',
      settings: { task: 'chain', solutions, template: 'plain', system: '!' },
    });
  });
});

describe('a run of supervised fine-tuning', () => {
  it.each([
    ['a task from scratch', { ...short }],
    ['conversations from scratch', { ...short, task: undefined, conversations: [herons] }],
    ['both', { ...short, conversations: [{ ...herons, weight: 0.5 }] }],
  ])('goes on bit for bit: %s', async (_, options) => {
    const { task, ...rest } = options as typeof short & Partial<SftOptions>;
    const run = task === undefined ? rest : { ...rest, task };
    const whole = memoryStore();
    const expected = await sft({ ...run, store: whole });
    const store = memoryStore();
    const stop = new AbortController();
    const onEvent = (event: TrainEvent) => event.type === 'step' && event.step === 5 && stop.abort();
    const part = await sft({ ...run, store, signal: stop.signal, onEvent: (event) => void onEvent(event) });
    expect([part.finished, part.steps]).toEqual([false, 5]);
    const { conversations } = run as Partial<SftOptions>;
    const result = await resumeSft({ store, ...(conversations === undefined ? {} : { conversations }) });
    expect(await weightsOf(store)).toBe(await weightsOf(whole));
    expect([result.steps, result.measured]).toEqual([7, expected.measured]);
  });

  it('starts from a model that was trained before, with its tokenizer and its template', async () => {
    const first = memoryStore();
    await sft({ ...short, store: first });
    const second = memoryStore();
    const events: TrainEvent[] = [];
    const onEvent = (event: TrainEvent) => void events.push(event);
    const train = { ...short.train, steps: 2 };
    const after = measured(await sft({ ...short, init: first, store: second, train, onEvent }));
    const [start] = events.filter((event) => event.type === 'start');
    expect(start).toMatchObject({ train: { learningRate: 5e-4, documentMask: true, lrSchedule: 'cosine' } });
    const stored = await loadModelFrom(first);
    expect(stored.tokenizer.chatTemplate).toMatch(/eos_token/);
    stored.model.dispose();
    expect(after.before.passAt1).toBeLessThan(0.3);
  });

  it('becomes a chat model: its folder has the template', async () => {
    const store = memoryStore();
    await sft({ ...engine, conversations: [herons], store, train: { steps: 2 } });
    const { tokenizerConfig } = await store.openModel();
    expect(tokenizerConfig).toMatchObject({ chat_template: expect.stringContaining('Assistant:') });
  });

  it('notices a template of its own that a folder has in a file alone', async () => {
    const dir = path('model');
    const { model, tokenizer } = await loadModelFrom(await trained());
    const { chatTemplate: _, ...plain } = tokenizer;
    await saveModel(model, plain, dir);
    model.dispose();
    writeFileSync(join(dir, 'chat_template.jinja'), '{% for message in messages %}<{{ message.content }}>{% endfor %}');
    const begun = sft({ ...engine, init: dir, conversations: [herons], store: memoryStore(), train: { steps: 1 } });
    await expect(begun).rejects.toThrow('sft: the model has a chat template of its own');
  });

  it.each<[string, Partial<SftOptions>, RegExp]>([
    ['nothing to learn from', {}, /nothing to learn from; give conversations/],
    ['a stop without a task', { conversations: [herons], stopAt: 0.4 }, /stopAt needs a task/],
    ['a stop that is no share', { task: chain, stopAt: 40 }, /above 0 and at most 1; found 40/],
    [
      'a solution that there is not',
      { task: chain, solutions: 'stepz' },
      /has no solution "stepz"; it has direct, steps/,
    ],
    ['shares that are none', { task: chain, solutions: 'steps:x' }, /expected kinds with shares/],
    ['an unknown template', { task: chain, template: 'chatml' }, /unknown template "chatml"/],
    ['a template without its tokens', { task: chain, template: 'deepseek' }, /needs the tokens <｜User｜> and/],
    ['rows beyond the context', { task: chain, train: { seqLen: 999 } }, /seqLen \(999\) must be at most maxPosition/],
    ['samples beyond the context', { task: namedTask('chain:operations=64') }, /take longer rows/],
    [
      'a conversation without an answer',
      {
        conversations: [
          { name: 'x', conversations: [{ where: 'x.jsonl: line 3', turns: [{ role: 'user', content: 'a' }] }] },
        ],
      },
      /^x\.jsonl: line 3: there is no answer to learn from/,
    ],
    [
      'a single conversation',
      { conversations: [{ ...herons, conversations: herons.conversations.slice(0, 1) }] },
      /too few/,
    ],
  ])('refuses %s', async (_, options, message) => {
    await expect(sft({ ...engine, ...options, store: memoryStore() })).rejects.toThrow(message);
  });

  it('is carried on with its own samples only', async () => {
    const store = memoryStore();
    await sft({ ...engine, conversations: [herons], store, train: { steps: 2 } });
    await expect(resumeSft({ store })).rejects.toThrow(
      /was started with the samples of herons:1, and now there is nothing/,
    );
    const fewer = { ...herons, conversations: herons.conversations.slice(1) };
    await expect(resumeSft({ store, conversations: [fewer] })).rejects.toThrow(/has changed/);
  });
});
