import { renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openModelFiles } from '../../src/io/model-files.ts';
import { writeSafetensors } from '../../src/io/safetensors.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { countingTensors, useTempFolder } from './helpers.ts';

const path = useTempFolder();
const [a, b, c] = countingTensors([
  { name: 'a', shape: [2] },
  { name: 'b', shape: [3] },
  { name: 'c', shape: [5] },
]);

/** Two shards, `one` with a and b, `two` with c, and an index that says what it is told. */
function writeShards(index: unknown): void {
  writeSafetensors(path('one.safetensors'), [a!, b!]);
  writeSafetensors(path('two.safetensors'), [c!]);
  writeFileSync(path('model.safetensors.index.json'), JSON.stringify(index));
}

const weightMap = { a: 'one.safetensors', b: 'one.safetensors', c: 'two.safetensors' };

describe('openModelFiles', () => {
  it('reads shards as one model', () => {
    writeShards({ metadata: { total_size: 40 }, weight_map: weightMap });
    const reader = openModelFiles(path());
    expect(readAllTensors(reader)).toEqual([a, b, c]);
    expect(() => reader.read('d')).toThrow('there is no tensor d');
    reader.close();
  });

  it('says that a folder without weights is none', () => {
    expect(() => openModelFiles(path())).toThrow('has neither model.safetensors nor');
  });

  it.each(['../one.safetensors', '/etc/passwd', 'sub/one.safetensors', 'sub\\one.safetensors', '..', '', 7, null])(
    'refuses the file name %j, which could lead out of the folder',
    (file) => {
      writeShards({ weight_map: { ...weightMap, a: file } });
      expect(() => openModelFiles(path())).toThrow(UserError);
      expect(() => openModelFiles(path())).toThrow('tensor a: expected a file name in the folder');
    },
  );

  it.each([
    ['has no weight_map', {}, 'expected an object weight_map'],
    ['is a list', [], 'expected a JSON object'],
    [
      'names a tensor that is not there',
      { weight_map: { ...weightMap, d: 'two.safetensors' } },
      'd is missing from two',
    ],
    ['names the wrong file', { weight_map: { ...weightMap, b: 'two.safetensors' } }, 'b is in one.safetensors, but'],
    ['leaves out a tensor', { weight_map: { a: 'one.safetensors', c: 'two.safetensors' } }, 'says undefined'],
    ['names a missing file', { weight_map: { ...weightMap, d: 'three.safetensors' } }, 'three.safetensors: no such'],
  ])('refuses an index that %s', (_, index, message) => {
    writeShards(index);
    expect(() => openModelFiles(path())).toThrow(UserError);
    expect(() => openModelFiles(path())).toThrow(message);
  });

  it('refuses a tensor that two shards have', () => {
    writeShards({ weight_map: weightMap });
    renameSync(path('two.safetensors'), path('away'));
    writeSafetensors(path('two.safetensors'), [c!, a!]);
    expect(() => openModelFiles(path())).toThrow('a is in two.safetensors, but the index says one.safetensors');
  });
});
