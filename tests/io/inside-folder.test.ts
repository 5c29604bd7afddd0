import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { fileInside } from '../../src/io/inside-folder.ts';
import { readCheckpoint } from '../../src/io/read-checkpoint.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

function makeModel(): string {
  mkdirSync(path('model'));
  writeFileSync(path('model', 'config.json'), '{}');
  writeFileSync(path('secret'), '{"secret": true}');
  return path('model');
}

describe('fileInside', () => {
  it('takes a file of the folder, also by a link inside it and by a link to the folder', () => {
    const model = makeModel();
    symlinkSync('config.json', path('model', 'alias'));
    symlinkSync('model', path('link'));
    expect(fileInside(model, 'config.json')).toBe(path('model', 'config.json'));
    expect(fileInside(model, 'alias')).toBe(path('model', 'alias'));
    expect(fileInside(path('link'), 'config.json')).toBe(path('link', 'config.json'));
  });

  it("takes the links of the hub's cache, which lead to its blobs", () => {
    mkdirSync(path('models--a--b', 'snapshots', 'c0ffee'), { recursive: true });
    mkdirSync(path('models--a--b', 'blobs'));
    writeFileSync(path('models--a--b', 'blobs', '1234'), '{}');
    const snapshot = path('models--a--b', 'snapshots', 'c0ffee');
    symlinkSync('../../blobs/1234', `${snapshot}/config.json`);
    expect(fileInside(snapshot, 'config.json')).toBe(`${snapshot}/config.json`);
  });

  it('refuses links out of the folder, relative and absolute, and says where they lead', () => {
    const model = makeModel();
    symlinkSync('../secret', path('model', 'relative'));
    symlinkSync(path('secret'), path('model', 'absolute'));
    for (const name of ['relative', 'absolute']) {
      expect(() => fileInside(model, name)).toThrow(UserError);
      expect(() => fileInside(model, name)).toThrow(/is a link out of its folder, to .*secret/);
    }
  });

  it.each(['../secret', '..', 'sub/../../secret'])('refuses the name %j', (name) => {
    makeModel();
    mkdirSync(path('model', 'sub'));
    expect(() => fileInside(path('model'), name)).toThrow(UserError);
  });

  it('refuses a folder in place of a file, and a missing file', () => {
    const model = makeModel();
    mkdirSync(path('model', 'sub'));
    expect(() => fileInside(model, 'sub')).toThrow('sub is not a file');
    expect(() => fileInside(model, 'none')).toThrow(/cannot read .*none: no such file/);
  });
});

describe('readCheckpoint', () => {
  it.each(['config.json', 'tokenizer.json', 'model.safetensors', 'trainer.json'])(
    'does not follow a %s out of the folder',
    (name) => {
      mkdirSync(path('model'));
      writeFileSync(path('secret'), '{"secret": true}');
      if (name !== 'config.json') writeFileSync(path('model', 'config.json'), '{"model_type": "deepseek_v3"}');
      symlinkSync('../secret', path('model', name));
      expect(() => readCheckpoint(path('model'))).toThrow(UserError);
      expect(() => readCheckpoint(path('model'))).toThrow(/is a link out of its folder/);
    },
  );
});
