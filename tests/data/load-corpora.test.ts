import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCorpora } from '../../src/data/corpora/load-corpora.ts';
import { decodeText, invalidUtf8Offset } from '../../src/data/corpora/read-text.ts';
import { UserError } from '../../src/errors.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const one = folder.write('notes/one.txt', '\uFEFFfirst');
const two = folder.write('notes/deep/two.md', 'second');
folder.write('notes/three.jsonl', '{"text": "third"}\n\n{"content": "fourth"}\r\n');
folder.write('notes/other.log', 'not a text by its name');
folder.write('notes/blank.txt', ' \n');

describe('loadCorpora', () => {
  it('reads files, folders and globs next to built-in names, with weights and labels', () => {
    const spec = `math:2,${one}:3,${join(folder.path, 'notes')},${folder.path}/notes/*.log`;
    const [math, file, notes, logs] = loadCorpora(spec);
    expect(math).toMatchObject({ domain: 'math', weight: 2 });
    expect(file).toEqual({ domain: 'one', weight: 3, documents: ['first'] });
    expect(notes?.domain).toBe('notes');
    expect([...(notes?.documents ?? [])].sort()).toEqual(['first', 'fourth', 'second', 'third']);
    expect(logs).toEqual({ domain: 'notes-2', weight: 1, documents: ['not a text by its name'] });
  });

  it('reads a braced glob', () => {
    const [corpus] = loadCorpora(`${folder.path}/notes/{one.txt,deep/two.md}`);
    expect(corpus?.documents).toHaveLength(2);
    expect(loadCorpora(two)[0]?.documents).toEqual(['second']);
  });

  it.each([
    ['mobydick', /unknown corpus "mobydick"; did you mean "moby-dick"/],
    ['./no/such.txt', /no such file or folder: \.\/no\/such\.txt/],
    ['no-such/*.txt', /no file matches no-such\/\*\.txt/],
    [folder.write('blank.txt', '\n'), /blank\.txt is empty/],
    [folder.write('image.png', Uint8Array.of(0x89, 0x50, 0, 1)), /NUL byte at offset 2/],
    [folder.write('latin1.txt', Uint8Array.of(0x61, 0xe9, 0x62)), /not UTF-8 from byte offset 1/],
    [folder.write('a.jsonl', '{"text": "x"}\n{"title": "y"}\n'), /a\.jsonl: line 2: expected an object with a string/],
    [folder.write('b.jsonl', '{"text": \n'), /b\.jsonl: line 1: not JSON/],
    [folder.write('c.jsonl', '{"text": 5}'), /line 1: expected an object with a string in "text" or "content"/],
  ])('refuses %s and says why', (spec, message) => {
    expect(() => loadCorpora(spec)).toThrow(UserError);
    expect(() => loadCorpora(spec)).toThrow(message);
  });
});

describe('decodeText', () => {
  it('property: finds the first byte that is not UTF-8 after any valid text', () => {
    const bad = fc.constantFrom(
      [0xff],
      [0xc0, 0x80],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf5],
      [0x80],
      [0xf0, 0x9f, 0x41],
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), bad, (text, invalid) => {
        const start = Buffer.byteLength(text);
        const bytes = Buffer.concat([Buffer.from(text), Uint8Array.from(invalid)]);
        expect(invalidUtf8Offset(bytes)).toBe(start);
      }),
    );
  });

  it('property: any bytes give text of the same bytes or a UserError', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          expect(Buffer.from(decodeText(bytes, 'x')).equals(Buffer.from(bytes))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
