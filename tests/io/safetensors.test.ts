import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { openSafetensors, writeSafetensors } from '../../src/io/safetensors.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

function readBack(file: string): NamedTensor[] {
  const reader = openSafetensors(file);
  try {
    return readAllTensors(reader);
  } finally {
    reader.close();
  }
}

/** A file with a hand-made header. */
function forge(file: string, header: string, dataBytes: number, headerBytes = Buffer.byteLength(header)): void {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes));
  writeFileSync(file, Buffer.concat([length, Buffer.from(header), Buffer.alloc(dataBytes)]));
}

const tensors: NamedTensor[] = [
  { name: 'second', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: 'first "quoted" ü', shape: [], data: Float32Array.of(-0.1) },
  { name: 'nothing', shape: [0, 7], data: new Float32Array(0) },
];

describe('writeSafetensors', () => {
  it('golden: writes the bytes of the format, header padded with spaces to a multiple of 8', () => {
    writeSafetensors(path('a'), [{ name: 'x', shape: [1, 2], data: Float32Array.of(1, -2) }]);
    const header = '{"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    const bytes = readFileSync(path('a'));
    expect(bytes.readBigUInt64LE()).toBe(88n);
    expect(bytes.toString('latin1', 8, 96)).toBe(header.padEnd(88, ' '));
    expect(bytes.toString('hex', 96)).toBe('0000803f000000c0');
  });

  it('gives the same bytes whatever the order of the tensors', () => {
    const digest = writeSafetensors(path('a'), tensors);
    expect(writeSafetensors(path('b'), tensors.toReversed())).toEqual(digest);
    expect(digest.bytes).toBe(readFileSync(path('a')).length);
  });

  it('refuses, as a bug of the caller, equal names and wrong sizes', () => {
    const one = { name: 'x', shape: [1], data: Float32Array.of(1) };
    expect(() => writeSafetensors(path('a'), [one, one])).toThrow('internal: two tensors');
    expect(() => writeSafetensors(path('a'), [{ ...one, shape: [2] }])).toThrow('internal: x of shape [2]');
  });

  it('does not overwrite a file, and says why it cannot write', () => {
    writeFileSync(path('a'), 'kept');
    expect(() => writeSafetensors(path('a'), tensors)).toThrow(UserError);
    expect(readFileSync(path('a'), 'utf8')).toBe('kept');
    expect(() => writeSafetensors(path('a', 'b'), tensors)).toThrow(/cannot write .*ENOTDIR/);
  });
});

describe('openSafetensors', () => {
  it('reads back names, shapes and values', () => {
    writeSafetensors(path('a'), tensors);
    const byName = (a: NamedTensor, b: NamedTensor) => (a.name < b.name ? -1 : 1);
    expect(readBack(path('a')).toSorted(byName)).toEqual(tensors.toSorted(byName));
  });

  it('property: every bit of every float survives, NaN payloads included', () => {
    let file = 0;
    const bits = fc.uint32Array({ maxLength: 7 });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), bits), (contents) => {
        const list = Object.entries(contents).map(([name, patterns]) => {
          return { name, shape: [patterns.length], data: new Float32Array(patterns.buffer.slice(0)) };
        });
        fc.pre(!('__metadata__' in contents));
        const target = path(String(file++));
        writeSafetensors(target, list);
        const found = readBack(target).map(({ name, data }) => [name, Array.from(new Uint32Array(data.buffer))]);
        expect(new Map(Object.entries(contents).map(([name, patterns]) => [name, Array.from(patterns)]))).toEqual(
          new Map(found.map(([name, patterns]) => [name, patterns])),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('golden: reads what the reference implementation wrote, in F32, F16 and BF16', () => {
    // safetensors 0.8.0 with torch 2.13.0: save() of a.single [3], b.half [2, 3], c.brain [2, 2, 1] and d.scalar [].
    const golden =
      'IAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJhLnNpbmdsZSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbM10sImRhdG' +
      'Ffb2Zmc2V0cyI6WzAsMTJdfSwiZC5zY2FsYXIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzEyLDE2XX0sImMu' +
      'YnJhaW4iOnsiZHR5cGUiOiJCRjE2Iiwic2hhcGUiOlsyLDIsMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImIuaGFsZiI6eyJkdHlwZSI6Ik' +
      'YxNiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMjQsMzZdfX0gICAgICDNzMw9AABgwMIWAQAAAOBAgD8gvmJ/bQAAPgDA/3sBAAB8' +
      'AIA=';
    writeFileSync(path('a'), Buffer.from(golden, 'base64'));
    expect(readBack(path('a'))).toEqual([
      { name: 'a.single', shape: [3], data: Float32Array.of(0.1, -3.5, 1e-40) },
      { name: 'd.scalar', shape: [], data: Float32Array.of(7) },
      { name: 'c.brain', shape: [2, 2, 1], data: Float32Array.of(1, -0.15625, 3.00405527047391e38, 1.0010069e-38) },
      { name: 'b.half', shape: [2, 3], data: Float32Array.of(1.5, -2, 65504, 2 ** -24, Infinity, -0) },
    ]);
  });

  it('opens a file with tensors of other formats, and says so when one is read', () => {
    forge(path('a'), '{"w":{"dtype":"F8_E5M2","shape":[3],"data_offsets":[0,3]}}', 3);
    const reader = openSafetensors(path('a'));
    expect(() => reader.read('w')).toThrow('"w" has dtype F8_E5M2, expected F32, F16, BF16, F8_E4M3 or F8_E8M0');
    expect(() => reader.read('v')).toThrow('has no tensor "v"');
    reader.close();
  });

  it('says so when there is no such file, or it is a folder', () => {
    expect(() => openSafetensors(path('none'))).toThrow(/cannot open .*none: no such file/);
    expect(() => openSafetensors(path())).toThrow('it is not a file');
  });

  const entry = (fields: string) => `{"w":{${fields}}}`;
  it.each([
    ['an empty file', '', 0, undefined, 'not a safetensors file'],
    ['a header longer than the file', '{}', 0, 3, 'truncated'],
    ['a header of absurd length', '{}', 0, 2 ** 52, 'truncated'],
    ['a header that is no object', '[1] ', 0, undefined, 'must start with'],
    ['a header that is no JSON', '{"w":', 0, undefined, 'expected JSON'],
    ['metadata that are not strings', '{"__metadata__":{"a":1}}', 0, undefined, '__metadata__'],
    ['an entry that is no object', '{"w":[]}', 0, undefined, 'tensor "w": expected an object'],
    ['the same name twice', `{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{}}`, 0, undefined, '"w" twice'],
    ['an unknown dtype', entry('"dtype":"F31","shape":[1],"data_offsets":[0,4]'), 4, undefined, 'unknown dtype "F31"'],
    ['a missing dtype', entry('"shape":[1],"data_offsets":[0,4]'), 4, undefined, 'unknown dtype nothing'],
    ['a negative size', entry('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), 4, undefined, 'found [-1]'],
    ['a fractional size', entry('"dtype":"F32","shape":[0.5],"data_offsets":[0,2]'), 2, undefined, 'found [0.5]'],
    ['a nested shape', entry('"dtype":"F32","shape":[[1]],"data_offsets":[0,4]'), 4, undefined, 'found [[...]]'],
    ['three offsets', entry('"dtype":"F32","shape":[1],"data_offsets":[0,4,8]'), 4, undefined, 'data_offsets [0,4,8]'],
    ['offsets that run backwards', entry('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), 4, undefined, '[4,0]'],
    ['offsets past the end', entry('"dtype":"F32","shape":[2],"data_offsets":[0,8]'), 4, undefined, 'truncated?'],
    [
      'a size that does not fit',
      entry('"dtype":"F32","shape":[2],"data_offsets":[0,4]'),
      4,
      undefined,
      'takes 8 bytes',
    ],
    [
      'a size beyond all numbers',
      entry(`"dtype":"F32","shape":[${Array(40).fill(2 ** 50)}],"data_offsets":[0,4]`),
      4,
      undefined,
      'is larger than any file',
    ],
    ['a gap', entry('"dtype":"F32","shape":[1],"data_offsets":[4,8]'), 8, undefined, 'gap of 4 bytes'],
    [
      'bytes after the last tensor',
      entry('"dtype":"F32","shape":[1],"data_offsets":[0,4]'),
      5,
      undefined,
      '1 bytes after',
    ],
    [
      'overlapping tensors',
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
      undefined,
      'tensor "b": starts at byte 4, which overlaps',
    ],
  ] as const)('refuses %s', (_, header, dataBytes, headerBytes, message) => {
    forge(path('forged'), header, dataBytes, headerBytes);
    expect(() => openSafetensors(path('forged'))).toThrow(UserError);
    expect(() => openSafetensors(path('forged'))).toThrow(message);
    expect(() => openSafetensors(path('forged'))).toThrow(path('forged'));
  });

  it('notices when the file shrinks while it is open', () => {
    writeSafetensors(path('a'), tensors);
    const reader = openSafetensors(path('a'));
    truncateSync(path('a'), readFileSync(path('a')).length - 4);
    expect(() => reader.read('second')).toThrow('was it changed');
    reader.close();
  });

  it('leaves no file open, neither on failure nor after close', () => {
    const nextDescriptor = () => {
      const fd = openSync(path(), 'r');
      closeSync(fd);
      return fd;
    };
    forge(path('forged'), '{', 0);
    writeSafetensors(path('a'), tensors);
    const before = nextDescriptor();
    expect(() => openSafetensors(path('forged'))).toThrow(UserError);
    const reader = openSafetensors(path('a'));
    reader.close();
    reader.close();
    expect(nextDescriptor()).toBe(before);
    expect(() => reader.read('second')).toThrow('internal');
  });
});

describe('openSafetensors, fuzzed', () => {
  /** Every outcome but a `UserError` or tensors whose sizes are consistent fails the test. */
  function expectErrorOrTensors(bytes: Uint8Array): void {
    writeFileSync(path('fuzzed'), bytes);
    try {
      for (const { shape, data } of readBack(path('fuzzed'))) {
        expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }

  function validFile(): Buffer {
    writeSafetensors(path('valid'), tensors);
    return readFileSync(path('valid'));
  }

  it('takes random bytes, also behind a plausible length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isPlausible) => {
        if (isPlausible) bytes.set([bytes.length >> 1, 0, 0, 0, 0, 0, 0, 0].slice(0, bytes.length));
        expectErrorOrTensors(bytes);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  it('takes any JSON as a header', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (header) => {
        forge(path('forged'), JSON.stringify(header), 8);
        expectErrorOrTensors(readFileSync(path('forged')));
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  it('takes a valid file with one bit flipped, anywhere in length and header', () => {
    const valid = validFile();
    const headerEnd = 8 + Number(valid.readBigUInt64LE());
    for (let bit = 0; bit < headerEnd * 8; bit++) {
      const flipped = Buffer.from(valid);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      expectErrorOrTensors(flipped);
    }
  });

  it('refuses a valid file cut anywhere', () => {
    const valid = validFile();
    for (let length = 0; length < valid.length; length++) {
      writeFileSync(path('cut'), valid.subarray(0, length));
      expect(() => openSafetensors(path('cut'))).toThrow(UserError);
    }
  });

  it('takes headers with numbers, names and brackets edited', () => {
    const valid = validFile();
    const headerEnd = 8 + Number(valid.readBigUInt64LE());
    const header = valid.toString('utf8', 8, headerEnd);
    const edits = fc.constantFrom(
      '0',
      '-1',
      '1e9',
      '9007199254740993',
      '"',
      '[',
      ']',
      '{',
      '}',
      'null',
      '"w":{},',
      '\\',
    );
    fc.assert(
      fc.property(fc.nat(header.length - 1), fc.nat(4), edits, (at, remove, insert) => {
        forge(path('forged'), header.slice(0, at) + insert + header.slice(at + remove), valid.length - headerEnd);
        expectErrorOrTensors(readFileSync(path('forged')));
      }),
      { numRuns: fuzzRuns(400) },
    );
  });

  it('takes a header nested deeper than any stack', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    for (const fields of [`"dtype":${deep}`, `"dtype":"F32","shape":${deep}`]) {
      forge(path('forged'), `{"w":{${fields}}}`, 0);
      expectErrorOrTensors(readFileSync(path('forged')));
    }
  });
});
