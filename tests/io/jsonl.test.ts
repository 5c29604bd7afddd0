import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openJsonl, readJsonl, truncateAfterStep } from '../../src/io/jsonl.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

function write(file: string, records: readonly object[]): void {
  const writer = openJsonl(file);
  for (const record of records) writer.append(record);
  writer.close();
}

describe('openJsonl', () => {
  it('appends lines to what is there', () => {
    write(path('m'), [{ step: 1, 'train/loss': 2.5 }]);
    write(path('m'), [{ step: 2, 'train/loss': Number.NaN }]);
    expect(readFileSync(path('m'), 'utf8')).toBe('{"step":1,"train/loss":2.5}\n{"step":2,"train/loss":null}\n');
  });

  it('does not let a torn last line spoil the next one', () => {
    writeFileSync(path('m'), '{"step":1}\n{"ste');
    write(path('m'), [{ step: 2 }]);
    expect(readJsonl(path('m'))).toEqual({ records: [{ step: 1 }, { step: 2 }], skippedLines: 1 });
  });

  it('says why it cannot write', () => {
    expect(() => openJsonl(path('none', 'm'))).toThrow(UserError);
    expect(() => openJsonl(path())).toThrow(/metrics: cannot write .*EISDIR/);
  });

  it.skipIf(!existsSync('/dev/full'))('says so when the disk is full', () => {
    const writer = openJsonl('/dev/full');
    expect(() => writer.append({ step: 1 })).toThrow(/no space left on the device/);
    writer.close();
  });
});

describe('readJsonl', () => {
  it('passes over lines that are no object, and counts them', () => {
    writeFileSync(path('m'), '{"step":1}\n\nnull\n[2]\n{"step":2}\n{"step":3');
    expect(readJsonl(path('m'))).toEqual({ records: [{ step: 1 }, { step: 2 }], skippedLines: 4 });
  });

  it('takes a file that does not exist for an empty one', () => {
    expect(readJsonl(path('none'))).toEqual({ records: [], skippedLines: 0 });
  });

  it('reads lines and characters that lie across the pieces it reads', () => {
    const records = Array.from({ length: 97 }, (_, step) => ({ step, text: 'ü€😀'.repeat(step * 11) }));
    write(path('m'), records);
    expect(readJsonl(path('m'))).toEqual({ records, skippedLines: 0 });
  });
});

describe('truncateAfterStep', () => {
  it('drops later steps and a torn last line, and keeps lines without a step', () => {
    write(path('m'), [{ step: 1 }, { note: 'kept' }, { step: 3 }, { step: 2 }, { step: 4 }]);
    appendFileSync(path('m'), '{"step":2');
    truncateAfterStep(path('m'), 2);
    expect(readFileSync(path('m'), 'utf8')).toBe('{"step":1}\n{"note":"kept"}\n{"step":2}\n');
  });

  it('leaves a missing file missing', () => {
    truncateAfterStep(path('none'), 2);
    expect(existsSync(path('none'))).toBe(false);
  });

  it('property: whatever point a crash cuts the file at, the whole lines up to the step are left', () => {
    const records = Array.from({ length: 11 }, (_, index) => ({ step: index + 1, loss: 1 / (index + 3) }));
    write(path('m'), records);
    const whole = readFileSync(path('m'));
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(12), (cut, step) => {
        writeFileSync(path('cut'), whole.subarray(0, cut));
        const expected = readJsonl(path('cut')).records.filter((record) => Number(record.step) <= step);
        truncateAfterStep(path('cut'), step);
        expect(readJsonl(path('cut'))).toEqual({ records: expected, skippedLines: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
