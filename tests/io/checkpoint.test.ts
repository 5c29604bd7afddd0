import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { fromHfTensors } from '../../src/io/hf-tensors.ts';
import { latestCheckpoint, readCheckpoint } from '../../src/io/read-checkpoint.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { writeCheckpoint } from '../../src/io/write-checkpoint.ts';
import { config, contentsAt, shapes, useTempFolder } from './helpers.ts';

const path = useTempFolder();

function writeSteps(...steps: number[]): string {
  for (const step of steps) writeCheckpoint(path(`step-0000000${step}`), contentsAt(step), {});
  return path(`step-0000000${steps.at(-1)}`);
}

function flipBit(file: string, bit: number): void {
  const bytes = readFileSync(file);
  bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
  writeFileSync(file, bytes);
}

/** Runs `read` for its error's message. */
function messageOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('writeCheckpoint and readCheckpoint', () => {
  it('contract: a checkpoint is a Hugging Face folder plus two files', () => {
    const folder = writeSteps(7);
    expect(readdirSync(folder).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'trainer.json',
    ]);
    const generation: unknown = JSON.parse(readFileSync(`${folder}/generation_config.json`, 'utf8'));
    expect(generation).toEqual({ bos_token_id: 11, eos_token_id: 12 });
  });

  it('gives back everything, bit by bit', () => {
    const contents = contentsAt(7);
    const checkpoint = readCheckpoint(writeSteps(7));
    expect(checkpoint.hfConfig).toEqual(contents.hfConfig);
    expect(checkpoint.tokenizerJson).toEqual(contents.tokenizerJson);
    expect(checkpoint.trainerState).toEqual(contents.trainerState);
    const { tensors, warnings } = fromHfTensors(checkpoint.model, config, shapes);
    expect(Array.from(tensors)).toEqual(contents.model);
    expect(warnings).toEqual([]);
    expect(checkpoint.optimizer && readAllTensors(checkpoint.optimizer)).toEqual(contents.optimizer);
    checkpoint.close();
  });

  it('writes the same bytes for the same contents', () => {
    const [a, b] = [path('a'), path('b')];
    writeCheckpoint(a, contentsAt(3));
    writeCheckpoint(b, contentsAt(3));
    for (const file of readdirSync(a)) expect(readFileSync(`${a}/${file}`)).toEqual(readFileSync(`${b}/${file}`));
  });

  it('loads a Hugging Face folder without our two files', () => {
    const folder = writeSteps(7);
    for (const file of ['trainer.json', 'optimizer.safetensors', 'tokenizer.json']) rmSync(`${folder}/${file}`);
    const checkpoint = readCheckpoint(folder);
    expect(checkpoint).toMatchObject({ trainerState: null, optimizer: null, tokenizerJson: null });
    expect(Array.from(fromHfTensors(checkpoint.model, config, shapes).tensors)).toEqual(contentsAt(7).model);
    checkpoint.close();
  });

  it('replaces a checkpoint, but no folder that holds something else', () => {
    writeCheckpoint(path('final'), contentsAt(1));
    writeCheckpoint(path('final'), contentsAt(2));
    expect(readCheckpoint(path('final')).trainerState?.step).toBe(2);
    mkdirSync(path('mine'));
    writeFileSync(path('mine', 'thesis.txt'), 'kept');
    expect(messageOf(() => writeCheckpoint(path('mine'), contentsAt(1)))).toContain('holds no checkpoint');
    expect(readdirSync(path()).sort()).toEqual(['final', 'mine']);
  });

  it('keeps the last N checkpoints and removes leftovers, but nothing else', () => {
    mkdirSync(path('.tmp-step-00000001-dead'));
    mkdirSync(path('.tmp-other'));
    writeSteps(1, 2, 3, 9);
    writeCheckpoint(path('step-00000004'), contentsAt(4), { keep: 2 });
    expect(readdirSync(path()).sort()).toEqual(['.tmp-other', 'step-00000003', 'step-00000004', 'step-00000009']);
  });
});

describe('readCheckpoint of a bad folder', () => {
  it('says what is not a checkpoint', () => {
    mkdirSync(path('run', 'checkpoints'), { recursive: true });
    writeFileSync(path('file'), '');
    expect(messageOf(() => readCheckpoint(path('none')))).toContain('none does not exist');
    expect(messageOf(() => readCheckpoint(path('file')))).toContain('file is a file');
    expect(messageOf(() => readCheckpoint(path('run')))).toContain('no config.json; it is a run folder');
    writeFileSync(path('run', 'config.json'), '[]');
    expect(messageOf(() => readCheckpoint(path('run')))).toContain('expected a JSON object');
    writeFileSync(path('run', 'config.json'), '{}');
    expect(messageOf(() => readCheckpoint(path('run')))).toContain('has neither model.safetensors');
  });

  it('names each file that is truncated, missing or grown', () => {
    const folder = writeSteps(1);
    for (const file of readdirSync(folder).filter((name) => name !== 'trainer.json')) {
      const target = `${folder}/${file}`;
      const whole = readFileSync(target);
      truncateSync(target, whole.length - 1);
      const sizes = `expected ${whole.length} bytes, found ${whole.length - 1}`;
      expect(messageOf(() => readCheckpoint(folder))).toContain(`${target} is truncated: ${sizes}`);
      writeFileSync(target, Buffer.concat([whole, Buffer.of(0)]));
      expect(messageOf(() => readCheckpoint(folder))).toContain(`${target} has grown`);
      rmSync(target);
      expect(messageOf(() => readCheckpoint(folder))).toContain(`${target} is missing`);
      writeFileSync(target, whole);
    }
  });

  it('notices that trainer.json is missing', () => {
    const folder = writeSteps(1);
    rmSync(`${folder}/trainer.json`);
    expect(messageOf(() => readCheckpoint(folder))).toContain('has lost its trainer.json');
  });

  it('names the file that a flipped bit is in', () => {
    const folder = writeSteps(1);
    for (const file of readdirSync(folder)) {
      const target = `${folder}/${file}`;
      const bits = readFileSync(target).length * 8;
      for (const bit of [5, bits >> 1, bits - 1].flatMap((start) => [start, (start * 31) % bits])) {
        flipBit(target, bit);
        expect(messageOf(() => readCheckpoint(folder))).toContain(`${target} is damaged`);
        flipBit(target, bit);
      }
    }
    readCheckpoint(folder).close();
  });

  it('property: no bit of trainer.json can change, and no part of it be cut off, unnoticed (every 7th byte)', () => {
    const folder = writeSteps(1);
    const target = `${folder}/trainer.json`;
    const whole = readFileSync(target);
    for (let byte = 0; byte < whole.length; byte += 7) {
      flipBit(target, byte * 8 + (byte % 8));
      expect(messageOf(() => readCheckpoint(folder))).toContain('trainer.json is damaged');
      writeFileSync(target, whole.subarray(0, byte));
      expect(messageOf(() => readCheckpoint(folder))).toContain('trainer.json is damaged');
      writeFileSync(target, whole);
    }
  });

  /** A `trainer.json` with a right checksum and other contents. */
  function forgeTrainer(folder: string, change: (text: string) => string): void {
    const target = `${folder}/trainer.json`;
    const text = change(readFileSync(target, 'utf8').replace(/[0-9a-f]{64}/, '0'.repeat(64)));
    writeFileSync(target, text.replace('0'.repeat(64), createHash('sha256').update(text).digest('hex')));
  }

  it('names both versions when the checkpoint is from a newer one', () => {
    const folder = writeSteps(1);
    forgeTrainer(folder, (text) => text.replace('"version": 1', '"version": 2'));
    const expected = 'it has format 2, this program reads format 1; update tinyseek';
    expect(messageOf(() => readCheckpoint(folder))).toContain(expected);
  });

  it('refuses a trainer.json that lists files outside of the folder, or not at all', () => {
    const folder = writeSteps(1);
    copyFileSync(`${folder}/config.json`, path('config.json'));
    forgeTrainer(folder, (text) => text.replace('"config.json"', '"../config.json"'));
    expect(messageOf(() => readCheckpoint(folder))).toContain('impossible file ../config.json');
    forgeTrainer(folder, (text) => text.replace(/"files": \{[\s\S]*?\n {2}\}/, '"files": []'));
    expect(messageOf(() => readCheckpoint(folder))).toContain('lacks files or state');
  });
});

describe('latestCheckpoint', () => {
  it('finds the newest, and none in an empty or missing folder', () => {
    expect(latestCheckpoint(path('none'))).toEqual({ checkpoint: null, warnings: [] });
    expect(latestCheckpoint(path())).toEqual({ checkpoint: null, warnings: [] });
    writeSteps(9, 3, 5);
    const newest = path('step-00000009');
    expect(latestCheckpoint(path())).toEqual({ checkpoint: { path: newest, step: 9 }, warnings: [] });
  });

  it('orders by number, also past eight digits', () => {
    writeCheckpoint(path('step-99999999'), contentsAt(1));
    writeCheckpoint(path('step-100000000'), contentsAt(2));
    expect(latestCheckpoint(path()).checkpoint?.step).toBe(100_000_000);
  });

  it('passes over broken ones and says why', () => {
    writeSteps(1, 2, 3, 4);
    flipBit(path('step-00000004', 'model.safetensors'), 4000);
    rmSync(path('step-00000003', 'trainer.json'));
    rmSync(path('step-00000003', 'optimizer.safetensors'));
    const { checkpoint, warnings } = latestCheckpoint(path());
    expect(checkpoint?.step).toBe(2);
    expect(warnings).toEqual([
      expect.stringMatching(/^skipped .*step-00000004: .*model\.safetensors is damaged/),
      expect.stringMatching(/^skipped .*step-00000003: it has no trainer\.json/),
    ]);
  });
});
