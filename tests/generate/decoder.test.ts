import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { DraftToken, SequenceTokens } from '../../src/generate/decoder/decoder.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { randomIds } from '../model/small-model.ts';
import { configs, fullDrafts, fullLogits, randomModel, recycled, tolerance } from './decoder-case.ts';

const last = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'last' });
const all = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'all' });
const draft = (slot: number, token: number): DraftToken => ({ slot, token });
const ids = (length: number, seed: number) => randomIds(1, length, 37, seed)[0]!;

describe.each(['cpu', 'wasm', 'engine'] as const)('createDecoder on %s', (backend) => {
  beforeAll(async () => void (await activateBackend(backend)));

  describe.each(configs)('with %s', (_, changes) => {
    it('property: a prompt and then token after token gives the logits of the full forward pass', async () => {
      const model = randomModel(changes);
      const text = ids(13, 3);
      const expected = fullLogits(model, text);
      expect(Math.max(...expected[12]!)).toBeGreaterThan(0.5);
      const decoder = createDecoder(model);
      const [prompt] = await decoder.forward([all(0, ...text.slice(0, 7))]);
      for (let i = 0; i < 7; i++) expectAllClose(prompt!.slice(37 * i, 37 * (i + 1)), expected[i]!, tolerance);
      for (let i = 7; i < 13; i++) {
        const [logits] = await decoder.forward([last(0, text[i]!)]);
        expectAllClose(logits!, expected[i]!, tolerance);
      }
      decoder.dispose();
      model.dispose();
    });

    it('property: drafts are the logits of the MTP module over the full text', async () => {
      const model = randomModel(changes);
      const text = ids(13, 4);
      const expected = fullDrafts(model, text);
      const decoder = createDecoder(model, { drafts: true });
      await decoder.forward([last(0, ...text.slice(0, 5))]);
      for (const next of [5, 6, 8, 11]) {
        const [logits] = await decoder.draft([draft(0, text[next]!)]);
        expectAllClose(logits!, expected[next - 1]!, tolerance);
        await decoder.forward([last(0, ...text.slice(next, { 5: 6, 6: 8, 8: 11, 11: 13 }[next]))]);
      }
      decoder.dispose();
      model.dispose();
    });
  });

  it('property: logits do not depend on the length of the prompt', async () => {
    const model = randomModel();
    const text = ids(40, 5);
    const expected = fullLogits(model, text);
    const decoder = createDecoder(model);
    for (const length of [1, 2, 3, 15, 16, 17, 31, 32, 33, 39, 40]) {
      const [logits] = await decoder.forward([last(0, ...text.slice(0, length))]);
      expectAllClose(logits!, expected[length - 1]!, tolerance);
      decoder.truncate(0, 0);
    }
    decoder.dispose();
    model.dispose();
  });

  it('property: sequences of a pass do not see each other', async () => {
    const model = randomModel();
    const texts = [11, 2, 7].map((length, i) => ids(length, 20 + i));
    const decoder = createDecoder(model, { slots: 3 });
    const expected = texts.map((text) => fullLogits(model, text));
    const starts = texts.map((text) => Math.ceil(text.length / 2));
    const first = await decoder.forward(texts.map((text, slot) => last(slot, ...text.slice(0, starts[slot]))));
    for (const slot of [0, 1, 2]) expectAllClose(first[slot]!, expected[slot]![starts[slot]! - 1]!, tolerance);
    const rest = await decoder.forward([2, 0].map((slot) => all(slot, ...texts[slot]!.slice(starts[slot]))));
    expectAllClose(rest[0]!.slice(-37), expected[2]![6]!, tolerance);
    expectAllClose(rest[1]!.slice(-37), expected[0]![10]!, tolerance);
    expect([0, 1, 2].map((slot) => decoder.length(slot))).toEqual([11, 1, 7]);
    decoder.dispose();
    model.dispose();
  });

  it('forgets what it is told to, and goes on from there', async () => {
    const model = randomModel();
    const decoder = createDecoder(model);
    const text = ids(17, 6);
    await decoder.forward([last(0, ...ids(17, 7))]);
    decoder.truncate(0, 0);
    await decoder.forward([last(0, ...text.slice(0, 9), ...ids(5, 8))]);
    decoder.truncate(0, 9);
    const [logits] = await decoder.forward([last(0, ...text.slice(9))]);
    expectAllClose(logits!, fullLogits(model, text)[16]!, tolerance);
    decoder.dispose();
    model.dispose();
  });

  it('copies a sequence, which is then its own', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { slots: 2, drafts: true });
    const prompt = ids(8, 9);
    await decoder.forward([last(0, ...prompt), last(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)]);
    decoder.copy(0, 1);
    const [left, right] = await decoder.forward([last(0, 3), last(1, 5)]);
    expectAllClose(left!, fullLogits(model, [...prompt, 3])[8]!, tolerance);
    expectAllClose(right!, fullLogits(model, [...prompt, 5])[8]!, tolerance);
    const drafts = await decoder.draft([draft(1, 7), draft(0, 2)]);
    expectAllClose(drafts[0]!, fullDrafts(model, [...prompt, 5, 7])[8]!, tolerance);
    expectAllClose(drafts[1]!, fullDrafts(model, [...prompt, 3, 2])[8]!, tolerance);
    decoder.dispose();
    model.dispose();
  });

  it('drafts again after a wrong draft, after recycling, and after a truncation to long before', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { drafts: true });
    const text = ids(12, 10);
    const expected = fullDrafts(model, text);
    await decoder.forward([last(0, ...text.slice(0, 8))]);
    await decoder.draft([draft(0, (text[8]! + 1) % 37)]); // a token that will not come
    await decoder.draft([draft(0, 11)]);
    await decoder.forward([last(0, text[8]!)]);
    const [afterWrong] = await decoder.draft([draft(0, text[9]!)]);
    expectAllClose(afterWrong!, expected[8]!, tolerance);
    await decoder.draft([draft(0, 13)]);
    await decoder.forward([last(0, text[9]!, 12, 13)]);
    decoder.truncate(0, 10);
    const [afterRejection] = await decoder.draft([draft(0, text[10]!)]);
    expectAllClose(afterRejection!, expected[9]!, tolerance);
    decoder.truncate(0, 4);
    await decoder.forward([last(0, text[4]!)]);
    const [afterTruncation] = await decoder.draft([draft(0, text[5]!)]);
    expectAllClose(afterTruncation!, expected[4]!, tolerance);
    decoder.truncate(0, 3);
    const [atOnce] = await decoder.draft([draft(0, text[3]!)]);
    expectAllClose(atOnce!, expected[2]!, tolerance);
    decoder.dispose();
    model.dispose();
  });

  it('recycles the output of the module as a deeper one would read it', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { drafts: true });
    const text = ids(6, 11);
    await decoder.forward([last(0, ...text)]);
    await decoder.draft([draft(0, 7)]);
    const expected = recycled(model, text, [7, 9, 2]);
    const [second] = await decoder.draft([draft(0, 9)]);
    expectAllClose(second!, expected[1]!, tolerance);
    const [third] = await decoder.draft([draft(0, 2)]);
    expectAllClose(third!, expected[2]!, tolerance);
    decoder.dispose();
    model.dispose();
  });

  it('counts kvLoraRank + qkRopeHeadDim floats a token and layer, and the entries of the module', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { slots: 2, drafts: true });
    expect(decoder.cacheBytes).toBe(0);
    await decoder.forward([last(0, 1, 2, 3), last(1, 4)]);
    expect(decoder.cacheBytes).toBe(4 * 2 * (11 + 6) * 4);
    await decoder.draft([draft(0, 5)]);
    expect(decoder.cacheBytes).toBe((4 * 2 + 3) * (11 + 6) * 4);
    decoder.truncate(0, 0);
    expect(decoder.cacheBytes).toBe(2 * (11 + 6) * 4);
    decoder.dispose();
    model.dispose();
  });

  it('leak: leaves no tensor behind, whatever was done', async () => {
    const model = randomModel();
    const before = tf.memory().numTensors;
    const decoder = createDecoder(model, { slots: 2, drafts: true });
    await decoder.forward([last(0, 1, 2, 3), all(1, 4, 5)]);
    await decoder.draft([draft(0, 5), draft(1, 5)]);
    decoder.copy(0, 1);
    decoder.truncate(0, 1);
    await decoder.forward([last(0, 1)]);
    decoder.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('refuses what it cannot do, and has done nothing then', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { slots: 2, capacity: 5 });
    await decoder.forward([last(0, 1, 2, 3)]);
    await expect(decoder.forward([last(1, 1), last(0, 1, 2, 3)])).rejects.toThrow(
      '6 tokens, but a sequence may have at most 5',
    );
    await expect(decoder.forward([last(1, 37)])).rejects.toThrow('token id 37 is outside the vocabulary; use 0 to 36');
    await expect(decoder.forward([last(1, 0.5)])).rejects.toThrow('0.5');
    await expect(decoder.forward([last(1)])).rejects.toThrow('at least one');
    await expect(decoder.draft([draft(0, 1)])).rejects.toThrow('drafts: true');
    expect([decoder.length(0), decoder.length(1)]).toEqual([3, 0]);
    const [logits] = await decoder.forward([last(0, 4, 5)]);
    expectAllClose(logits!, fullLogits(model, [1, 2, 3, 4, 5])[4]!, tolerance);
    decoder.dispose();
    expect(() => createDecoder(model, { slots: 0 })).toThrow('slots');
    expect(() => createDecoder(model, { capacity: 65 })).toThrow('maxPositionEmbeddings (64)');
    model.dispose();
    const plain = randomModel({ numNextnPredictLayers: 0 });
    expect(() => createDecoder(plain, { drafts: true })).toThrow('no drafts without an MTP module');
    plain.dispose();
  });

  it('refuses a draft beyond the capacity, or before the first token', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { capacity: 4, drafts: true });
    await expect(decoder.draft([draft(0, 1)])).rejects.toThrow('at least one token');
    await decoder.forward([last(0, 1, 2, 3, 4)]);
    const [logits] = await decoder.draft([draft(0, 5)]);
    expectAllClose(logits!, fullDrafts(model, [1, 2, 3, 4, 5])[3]!, tolerance);
    await expect(decoder.draft([draft(0, 5)])).rejects.toThrow('no room for a draft of token 6');
    decoder.dispose();
    model.dispose();
  });
});
