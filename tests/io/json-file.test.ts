import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { writeJsonFile } from '../../src/io/json-file.ts';
import { useTempFolder } from './helpers.ts';

describe('writeJsonFile', () => {
  const path = useTempFolder();

  it('replaces a file in one step and leaves nothing beside it', () => {
    writeJsonFile(path('run.json'), { steps: 3 }, 'run');
    writeJsonFile(path('run.json'), { steps: 5, seeds: [1] }, 'run');
    expect(readFileSync(path('run.json'), 'utf8')).toBe('{\n  "steps": 5,\n  "seeds": [\n    1\n  ]\n}\n');
    expect(readdirSync(path())).toEqual(['run.json']);
  });

  it('says what could not be written where', () => {
    mkdirSync(path('run.json'));
    expect(() => writeJsonFile(path('run.json'), {}, 'run')).toThrow(UserError);
    expect(() => writeJsonFile(path('no', 'run.json'), {}, 'study')).toThrow(
      `study: cannot write ${path('no', 'run.json')}: no such file or folder; check the path (ENOENT)`,
    );
  });
});
