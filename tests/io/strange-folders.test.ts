// Kinds of things that somebody puts in the place of a file of a model or run folder: links out of it, devices, FIFOs,
// files without end. Each reader and writer of such folders says what is wrong, at once.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeReport } from '../../src/cli/write-report.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { readMeasured } from '../../src/experiments/measured-file.ts';
import { openPromptFormat } from '../../src/generate/chat/prompt-format.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { readJsonl, truncateAfterStep } from '../../src/io/jsonl.ts';
import { replaceFile } from '../../src/io/replace-file.ts';
import { lockRun } from '../../src/io/run-lock.ts';
import { openSafetensors } from '../../src/io/safetensors.ts';
import { encodeHeader } from '../../src/io/safetensors-header.ts';
import { loadRun } from '../../src/report/load-run.ts';
import { folderStore } from '../../src/runs/folder-store.ts';
import { writeSmallModel } from '../interchange/small-export.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();
const isPosix = process.platform !== 'win32';

/** What takes the place of a file, and what is said of it. */
const strangers: readonly (readonly [name: string, put: (file: string) => void, message: RegExp])[] = [
  ['a link out of the folder', (file) => symlinkSync(path('secret'), file), /is a link out of its folder/],
  ['a link to a device', (file) => symlinkSync('/dev/zero', file), /is a link out of its folder/],
  ['a link that leads nowhere', (file) => symlinkSync('nothing', file), /no such file or folder/],
  ['a FIFO', (file) => execFileSync('mkfifo', [file]), /is not a file/],
  ['a folder', (file) => mkdirSync(file), /is not a file/],
];

const modelFiles = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'model.safetensors.index.json',
  'model-00001-of-00004.safetensors',
];
const runFiles = ['run.json', 'metrics.jsonl', 'samples.jsonl'];

async function readModel(): Promise<void> {
  const json = JSON.parse(readFileSync(path('tokenizer.json'), 'utf8'));
  await openPromptFormat(path('model'), tokenizerFromHuggingFace(json));
  importModel(path('model'), path('out'));
}

async function readRun(): Promise<void> {
  loadRun(path('run'));
  await folderStore(path('run')).readSettings();
  readJsonl(path('run', 'metrics.jsonl'));
  truncateAfterStep(path('run', 'samples.jsonl'), 0);
}

function writeRun(): void {
  mkdirSync(path('run'));
  writeFileSync(path('run', 'run.json'), '{"format": 2}');
  for (const name of ['metrics.jsonl', 'samples.jsonl']) writeFileSync(path('run', name), '');
}

describe.skipIf(!isPosix).each(strangers)('%s', (_, put, message) => {
  it.each(modelFiles)('in the place of %s of a model', async (name) => {
    writeSmallModel(path('model'), 10_000);
    writeFileSync(path('tokenizer.json'), readFileSync(path('model', 'tokenizer.json')));
    writeFileSync(path('secret'), '{}');
    rmSync(path('model', name), { force: true });
    put(path('model', name));
    await expect(readModel()).rejects.toThrow(UserError);
    await expect(readModel()).rejects.toThrow(message);
    expect(existsSync(path('out'))).toBe(false);
  });

  it.each(runFiles)('in the place of %s of a run', async (name) => {
    writeRun();
    writeFileSync(path('secret'), '{}');
    rmSync(path('run', name));
    put(path('run', name));
    const reading = name === 'run.json' ? readRun : async () => truncateAfterStep(path('run', name), 0);
    await expect(reading()).rejects.toThrow(UserError);
    await expect(reading()).rejects.toThrow(message);
  });

  it('in the place of measured.json and run.lock', () => {
    writeRun();
    writeFileSync(path('secret'), '{}');
    put(path('run', 'measured.json'));
    expect(() => readMeasured(path('run'))).toThrow(message);
  });
});

describe.skipIf(!isPosix)('a run folder with links', () => {
  it.each(['run.json', 'metrics.jsonl', 'samples.jsonl', 'tensorboard', 'checkpoints'])(
    'is not trained in: %s',
    async (name) => {
      writeRun();
      rmSync(path('run', name), { force: true });
      mkdirSync(path('elsewhere'));
      symlinkSync('../elsewhere', path('run', name));
      const claim = folderStore(path('run')).claim();
      await expect(claim).rejects.toThrow(UserError);
      await expect(claim).rejects.toThrow(`${name} is a link, and what is written would go to where it leads`);
      expect(existsSync(path('run', 'run.lock'))).toBe(false);
    },
  );

  it('loses a link in the place of what is written, and what it leads to stays', () => {
    writeFileSync(path('secret'), 'secret');
    for (const name of ['results.md', 'results.md.tmp']) symlinkSync('secret', path(name));
    replaceFile(path('results.md'), 'new', 'study');
    expect([path('results.md'), path('secret')].map((file) => readFileSync(file, 'utf8'))).toEqual(['new', 'secret']);
  });

  it('has a FIFO for a lock: it is refused, at once', () => {
    writeRun();
    execFileSync('mkfifo', [path('run', 'run.lock')]);
    expect(() => lockRun(path('run'))).toThrow('run.lock: it is not a file');
  });
});

describe('a file that is too large for what it is', () => {
  it.each([
    ['config.json', /has 1099511627776 bytes, and at most 268435456 make sense; is it that file/],
    ['chat_template.jinja', /has 1099511627776 bytes, and at most 4194304 make sense/],
    ['model-00001-of-00004.safetensors', /bytes after the last tensor belong to none/],
  ])('%s', async (name, message) => {
    writeSmallModel(path('model'), 10_000);
    writeFileSync(path('tokenizer.json'), readFileSync(path('model', 'tokenizer.json')));
    if (!existsSync(path('model', name))) writeFileSync(path('model', name), '');
    truncateSync(path('model', name), 2 ** 40); // a sparse file: it takes no room
    await expect(readModel()).rejects.toThrow(message);
  });
});

it('a sparse file of 10 GB, which its header describes well, is refused before its numbers are read', () => {
  const shape = [2_621_440_000];
  const header = encodeHeader([{ name: 'model.norm.weight', dtype: 'F32', shape }]);
  writeFileSync(path('sparse.safetensors'), header);
  truncateSync(path('sparse.safetensors'), header.length + 4 * shape[0]!);
  expect(() => openSafetensors(path('sparse.safetensors'))).toThrow(UserError);
  expect(() => openSafetensors(path('sparse.safetensors'))).toThrow(
    'sparse.safetensors: tensor "model.norm.weight": shape [2621440000] has more than 1073741824 numbers',
  );
});

describe('tinyseek report', () => {
  it('does not overwrite what is no report', async () => {
    writeFileSync(path('thesis.html'), '<!doctype html>\n<html lang="en">\n<p>Mine</p>');
    const writing = writeReport([path('run')], path('thesis.html'));
    await expect(writing).rejects.toThrow('thesis.html is there and is no report; choose another file with --out');
  });
});
