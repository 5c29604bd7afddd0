import { spawnSync } from 'node:child_process';
import nodeFs, { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openModelFiles } from '../../src/io/model-files.ts';
import type { TensorToWrite } from '../../src/io/safetensors-bytes.ts';
import { planShards } from '../../src/io/shards.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { unfinishedFolder } from '../../src/io/unfinished-folder.ts';
import { writeModelFolder } from '../../src/io/write-model-folder.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();
const values = Float32Array.of(1, 0.5, -3);
const tensors = ['a', 'b'].map((name): TensorToWrite => ({ name, shape: [3], dtype: 'BF16', read: () => values }));
const contents = (maxBytes: number) => ({
  shards: planShards(tensors, maxBytes),
  files: new Map([['config.json', '{}\n']]),
});

describe('writeModelFolder', () => {
  it.each([
    [12, ['config.json', 'model.safetensors']],
    [
      6,
      [
        'config.json',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
        'model.safetensors.index.json',
      ],
    ],
  ])('writes files of %i bytes of weights that read back', (maxBytes, files) => {
    mkdirSync(path('out'));
    writeModelFolder(path('out'), contents(maxBytes));
    expect(readdirSync(path('out')).sort()).toEqual(files);
    expect(readFileSync(path('out', 'config.json'), 'utf8')).toBe('{}\n');
    const reader = openModelFiles(path('out'));
    expect(readAllTensors(reader).map(({ name, data }) => [name, data])).toEqual([
      ['a', values],
      ['b', values],
    ]);
    reader.close();
  });

  it('leaves a folder alone that holds something', () => {
    mkdirSync(path('out'));
    writeFileSync(path('out', 'kept'), '');
    expect(() => writeModelFolder(path('out'), contents(12))).toThrow(UserError);
    expect(() => writeModelFolder(path('out'), contents(12))).toThrow('is not empty; choose another folder');
    expect(readdirSync(path())).toEqual(['out']);
  });

  it('leaves nothing behind when the disk is full', () => {
    const full = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    expect(() => writeModelFolder(path('out'), contents(12), { ...nodeFs, writeSync: full })).toThrow(/no space left/);
    expect(existsSync(path('out'))).toBe(false);
    expect(readdirSync(path())).toEqual([]);
  });

  it('deletes what a killed process has left, and no folder that is being written or is somebody’s', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']); // a process that is gone
    const own = basename(unfinishedFolder(path('model')));
    const left = own.replace(`-${process.pid}-`, `-${pid}-`);
    const foreign = left.replace(/-[0-9a-f]{8}-/, '-00000000-');
    for (const name of [own, left, foreign, '.tmp-mine']) mkdirSync(path(name));
    writeModelFolder(path('out'), contents(12));
    expect(readdirSync(path()).sort()).toEqual([own, foreign, '.tmp-mine', 'out'].sort());
  });
});
