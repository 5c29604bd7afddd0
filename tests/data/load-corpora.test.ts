import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadCorpora } from '../../src/data/corpora/load-corpora.ts';
import { decodeText, invalidUtf8Offset } from '../../src/data/corpora/read-text.ts';
import type { ReadingOptions } from '../../src/data/corpus.ts';
import { Remarks } from '../../src/data/remarks.ts';
import { UserError } from '../../src/errors.ts';
import { collect, documentsOf, inBlocks } from './collect.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const one = folder.write('notes/one.txt', '\uFEFFfirst');
const two = folder.write('notes/deep/two.md', 'second');
folder.write('notes/three.jsonl', '{"text": "third"}\n\n{"content": "fourth"}\r\n');
folder.write('notes/other.log', 'not a text by its name');
folder.write('notes/blank.txt', ' \n');

/** The documents of each source, and all that was said of them. */
async function read(spec: string, options: ReadingOptions = {}) {
  const remarks = new Remarks();
  const corpora = await Promise.all(
    loadCorpora(spec, options).map(async ({ documents, ...corpus }) => {
      return { ...corpus, documents: await documentsOf(documents, remarks) };
    }),
  );
  return { corpora, documents: corpora.flatMap((corpus) => corpus.documents), remarks: remarks.lines() };
}

describe('loadCorpora', () => {
  it('reads files, folders and globs next to built-in names, with weights and labels', async () => {
    const spec = `math:2,${one}:3,${join(folder.path, 'notes')},${folder.path}/notes/*.log`;
    const [math, file, notes, logs] = (await read(spec)).corpora;
    expect(math).toMatchObject({ domain: 'math', weight: 2 });
    expect(file).toEqual({ domain: 'one', weight: 3, documents: ['first'], notes: [] });
    expect(notes?.domain).toBe('notes');
    expect([...(notes?.documents ?? [])].sort()).toEqual(['first', 'fourth', 'second', 'third']);
    expect(logs).toEqual({ domain: 'notes-2', weight: 1, documents: ['not a text by its name'], notes: [] });
  });

  it('reads a braced glob', async () => {
    expect((await read(`${folder.path}/notes/{one.txt,deep/two.md}`)).documents).toHaveLength(2);
    expect((await read(two)).documents).toEqual(['second']);
  });

  it.each([
    ['mobydick', /unknown corpus "mobydick"; did you mean "moby-dick"/],
    ['./no/such.txt', /no such file or folder: \.\/no\/such\.txt/],
    ['no-such/*.txt', /no file matches no-such\/\*\.txt/],
    ['/dev/null', /neither a file nor a folder/],
    [folder.write('blank.txt', '\n'), /blank\.txt is empty/],
    [folder.write('image.png', Uint8Array.of(0x89, 0x50, 0, 1)), /NUL byte at offset 2/],
    [folder.write('latin1.txt', Uint8Array.of(0x61, 0xe9, 0x62)), /not UTF-8 from byte offset 1/],
    [folder.write('utf16.txt', Uint8Array.of(0xff, 0xfe, 0x61, 0)), /not plain text: it is UTF-16; save it as UTF-8/],
    [folder.write('book.pdf', '%PDF-1.7'), /not plain text: it is a PDF/],
    [folder.write('rows.parquet', 'PAR1xyz'), /Parquet file; write its rows as JSON Lines/],
    [folder.write('torn.txt.gz', gzipSync('some text').subarray(0, 20)), /torn\.txt\.gz is no whole gzip file/],
    [folder.write('a.jsonl', '{"text": "x"}\n{"title": "y"}\n'), /a\.jsonl: line 2: .* keys "title".*--text-key title/],
    [folder.write('b.jsonl', '{"text": \n'), /b\.jsonl: line 1: not JSON/],
    [folder.write('c.jsonl', '{"text": 5}'), /line 1: expected a text in "text", found 5/],
    [folder.write('d.csv', 'id,body\n1,"open'), /d\.csv: row 2: a double quote is opened and never closed/],
    [folder.write('e.csv', 'id,body\n1,x\n'), /e\.csv: row 2: .* keys "id", "body"/],
  ])('refuses %s and says why', async (spec, message) => {
    const attempt = async () => read(spec);
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(message);
  });

  it('takes what exists for a path before a mixture, a weight or a pattern', async () => {
    const heron = folder.write('Heron, or The Reeds.txt', 'a heron');
    const colon = folder.write('volume:2', 'the second volume');
    const braces = folder.write('a{b}.txt', 'braces');
    expect((await read(heron)).corpora).toMatchObject([{ domain: 'Heron, or The Reeds', documents: ['a heron'] }]);
    expect((await read(`${heron}:3,${one},${colon},${braces}:2`)).corpora).toMatchObject([
      { documents: ['a heron'], weight: 3 },
      { documents: ['first'], weight: 1 },
      { documents: ['the second volume'], weight: 1 },
      { documents: ['braces'], weight: 2 },
    ]);
    expect((await read(`"${folder.path}/Heron, or*":2,math`)).corpora).toMatchObject([
      { documents: ['a heron'], weight: 2 },
      { domain: 'math' },
    ]);
  });

  it('says that a folder hides behind the name of a built-in corpus', async () => {
    // The repository, which is the current folder here, has a folder of this name.
    const [docs] = loadCorpora('math');
    expect(docs?.notes).toEqual([]);
    const before = process.cwd();
    folder.write('hidden/math/notes.txt', 'mine');
    try {
      process.chdir(join(folder.path, 'hidden'));
      expect(loadCorpora('math')[0]?.notes).toEqual([
        expect.stringMatching(/the folder of that name here is not read; write \.\/math/),
      ]);
      expect((await read('./math')).documents).toEqual(['mine']);
    } finally {
      process.chdir(before);
    }
  });
});

describe('a folder', () => {
  it('stands for its texts whatever the case of their endings, and says what it leaves out', async () => {
    folder.write('case/MAIN.TXT', 'main');
    folder.write('case/Diary.Md', 'diary');
    folder.write('case/rows.JSONL', '{"text": "row"}');
    folder.write('case/packed.txt.GZ', gzipSync('packed'));
    folder.write('case/photo.jpg', 'x');
    folder.write('case/sub/scan.PDF', 'x');
    folder.write('case/sub/copy.PDF', 'x');
    folder.write('case/.hidden.txt', 'hidden');
    const { documents, corpora } = await read(join(folder.path, 'case'));
    expect([...documents].sort()).toEqual(['diary', 'main', 'packed', 'row']);
    expect(corpora[0]?.notes).toEqual([
      expect.stringMatching(/left out by their endings: \.PDF \(2\), \.jpg \(1\); name files/),
    ]);
    expect((await read(`${folder.path}/case/*.txt`)).documents).toEqual(['main']);
    expect((await read(join(folder.path, 'case/MAIN.TXT'))).documents).toEqual(['main']);
  });

  it('without any text says what is there', () => {
    folder.write('photos/a.jpg', 'x');
    expect(() => loadCorpora(join(folder.path, 'photos'))).toThrow(/no file matches .*\(there is \.jpg \(1\)\)/);
  });

  it('follows links once, also those in a circle', async () => {
    folder.write('links/a.txt', 'a');
    folder.write('elsewhere/b.txt', 'b');
    symlinkSync(join(folder.path, 'links'), join(folder.path, 'links/circle'));
    symlinkSync(join(folder.path, 'elsewhere'), join(folder.path, 'links/other'));
    symlinkSync(join(folder.path, 'links/a.txt'), join(folder.path, 'links/again.txt'));
    symlinkSync(join(folder.path, 'nowhere'), join(folder.path, 'links/broken.txt'));
    const { documents, corpora } = await read(join(folder.path, 'links'));
    expect(documents).toEqual(['a', 'b']);
    expect(corpora[0]?.notes).toEqual([
      expect.stringContaining('links to files that are read already were left out: 1'),
    ]);
  });
});

describe('decodeText', () => {
  const decode = async (bytes: Uint8Array, block: number) =>
    (await collect(decodeText(inBlocks(bytes, block), 'x'))).join('');

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
    const text = fc.string({ unit: 'grapheme' }).filter((string) => !/[\0\ufeff]/.test(string));
    return fc.assert(
      fc.asyncProperty(text, bad, fc.integer({ min: 1, max: 7 }), async (valid, invalid, block) => {
        const start = Buffer.byteLength(valid);
        const bytes = Buffer.concat([Buffer.from(valid), Uint8Array.from(invalid)]);
        expect(invalidUtf8Offset(bytes)).toBe(start);
        await expect(decode(bytes, block)).rejects.toThrow(new RegExp(`not UTF-8 from byte offset ${start};`));
      }),
    );
  });

  it('property: any bytes, in blocks of any length, give text of the same bytes or a UserError', () => {
    return fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.integer({ min: 1, max: 7 }), async (bytes, block) => {
        try {
          expect(Buffer.from(await decode(bytes, block)).equals(Buffer.from(bytes))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
