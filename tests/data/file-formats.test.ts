// Texts as people have them: conversations, pairs, tables, several documents in a file.

import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRows } from '../../src/data/corpora/csv.ts';
import { linesOf } from '../../src/data/corpora/lines.ts';
import { loadCorpora } from '../../src/data/corpora/load-corpora.ts';
import { divideAt, divideAtEndTokens } from '../../src/data/corpora/separators.ts';
import type { ReadingOptions } from '../../src/data/corpus.ts';
import type { DocumentSource } from '../../src/data/documents.ts';
import { Remarks } from '../../src/data/remarks.ts';
import { UserError } from '../../src/errors.ts';
import { transcript } from '../../src/generate/chat/chat-prompt.ts';
import { collect, documentsOf, inBlocks } from './collect.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
let files = 0;

/** The documents of a file with these contents, and what was said of them. */
async function read(ending: string, contents: string | Uint8Array, options: ReadingOptions = {}) {
  const remarks = new Remarks();
  const [corpus] = loadCorpora(folder.write(`file${files++}${ending}`, contents), options);
  const documents = await documentsOf(corpus!.documents, remarks);
  return { documents, remarks: remarks.lines().map((line) => line.replace(/(: \d+) in .*/, '$1')) };
}

const herons = 'User:\nWhere do herons sleep?\n\nAssistant:\nIn trees.';

describe('rows as documents', () => {
  it.each([
    [
      "OpenAI's messages",
      {
        messages: [
          { role: 'user', content: 'Where do herons sleep?' },
          { role: 'assistant', content: 'In trees.' },
        ],
      },
    ],
    [
      'messages with parts, and turns without text',
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'Where do herons sleep?' }] },
          { role: 'assistant', content: null, tool_calls: [{}] },
          { role: 'assistant', content: 'In trees.', weight: 1 },
        ],
      },
    ],
    [
      "ShareGPT's conversations",
      {
        id: 7,
        conversations: [
          { from: 'human', value: 'Where do herons sleep?' },
          { from: 'gpt', value: 'In trees.' },
        ],
      },
    ],
    ['a prompt and a completion', { prompt: 'Where do herons sleep?', completion: ' In trees.' }],
    [
      'a prompt and a completion of turns',
      {
        prompt: [{ role: 'user', content: 'Where do herons sleep?' }],
        completion: [{ role: 'assistant', content: 'In trees.' }],
      },
    ],
    ['an instruction', { instruction: 'Where do herons sleep?', input: '', output: 'In trees.' }],
    ['a question', { question: 'Where do herons sleep?', answer: 'In trees.' }],
  ])('reads %s as a transcript, and says so', async (_, row) => {
    expect(await read('.jsonl', `${JSON.stringify(row)}\n`)).toEqual({
      documents: [herons],
      remarks: ['data: conversations were read as transcripts (`User:`, `Assistant:`): 1'],
    });
  });

  it('has the transcript that a model without a template is asked to carry on', () => {
    const asked = transcript([{ role: 'user', content: 'Where do herons sleep?' }]);
    expect(herons.startsWith(asked)).toBe(true);
    expect(herons.slice(asked.length)).toBe('In trees.');
  });

  it('adds the input of an instruction, a system message and other roles', async () => {
    const rows = [
      { instruction: 'Translate.', input: 'Reiher', output: 'heron' },
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'tool', content: '42' },
        ],
      },
    ];
    expect((await read('.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))).documents).toEqual([
      'User:\nTranslate.\n\nReiher\n\nAssistant:\nheron',
      'System:\nBe brief.\n\nTool:\n42',
    ]);
  });

  it('takes the key that is asked for', async () => {
    const rows = '{"body": "one", "text": "not this"}\n{"body": null}\n{"body": "two"}\n';
    expect(await read('.ndjson', rows, { textKey: 'body' })).toEqual({
      documents: ['one', 'two'],
      remarks: ['data: rows without a text (null) were skipped: 1'],
    });
    await expect(read('.jsonl', '{"text": "x"}', { textKey: 'body' })).rejects.toThrow(/line 1: .*the keys "text"/);
  });

  it('counts rows of null and skips them', async () => {
    const rows =
      '{"text": "one"}\nnull\n{"text": null}\n{"prompt": "x", "completion": null}\n{"messages": null}\n"two"\n';
    expect(await read('.jsonl', rows)).toEqual({
      documents: ['one', 'two'],
      remarks: ['data: rows without a text (null) were skipped: 4'],
    });
    await expect(read('.jsonl', 'null\nnull\n')).rejects.toThrow(/is empty/);
  });

  it.each([
    ['a list', '[1, 2]', /line 1: expected an object .* found \[1,2\]/],
    ['a turn without a speaker', '{"messages": [{"content": "x"}]}', /messages\[0\]: expected who speaks/],
    ['a turn that is none', '{"messages": ["x"]}', /messages\[0\]: expected a turn, found "x"/],
    ['a picture', '{"messages": [{"role": "user", "content": [{"image": "x"}]}]}', /messages\[0\]: expected a text/],
  ])('refuses %s by its place', async (_, row, message) => {
    await expect(read('.jsonl', row)).rejects.toThrow(UserError);
    await expect(read('.jsonl', row)).rejects.toThrow(message);
  });

  it('reads a JSON file that is a list, and says that another is read as text', async () => {
    expect((await read('.json', '[{"text": "one"}, {"text": "two"}]')).documents).toEqual(['one', 'two']);
    expect(await read('.json', '{"version": 1}')).toEqual({
      documents: ['{"version": 1}'],
      remarks: ['data: JSON files that are no list of rows were read as plain text: 1'],
    });
  });

  it('reads tables, with quotes, line breaks in cells and empty cells', async () => {
    const table = 'id,text\r\n1,"one, ""two""\nthree"\r\n2,\r\n\r\n3,four\r\n';
    expect(await read('.csv', table)).toEqual({
      documents: ['one, "two"\nthree', 'four'],
      remarks: ['data: rows without a text (null) were skipped: 1'],
    });
    expect((await read('.TSV', 'prompt\tcompletion\nWhere do herons sleep?\tIn trees.\n')).documents).toEqual([herons]);
    expect((await read('.csv', 'a,b\n1,x\n', { textKey: 'b' })).documents).toEqual(['x']);
  });

  it('reads what is packed with gzip', async () => {
    expect((await read('.jsonl.gz', gzipSync('{"text": "one"}\n{"text": "two"}'))).documents).toEqual(['one', 'two']);
    expect((await read('.txt.gz', Buffer.concat([gzipSync('one '), gzipSync('two')]))).documents).toEqual(['one two']);
  });

  it('property: reads a table that was written by the rules of RFC 4180, in blocks of any length', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', 'é'), maxLength: 7 });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 5 });
    return fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 5 }), async (rows, block) => {
        const text = rows.map((row) => row.map((each) => `"${each.replaceAll('"', '""')}"`).join(',')).join('\r\n');
        expect(await collect(csvRows(inBlocks(text, block), ',', 'x'))).toEqual(rows);
      }),
    );
  });
});

describe('lines', () => {
  it('property: are those of the text, in blocks of any length', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', 'é'), maxLength: 31 });
    return fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (whole, block) => {
        const lines = await collect(linesOf(inBlocks(whole, block), 'x'));
        expect(lines.map(({ text: line }) => line)).toEqual(
          whole
            .replace(/\n$/, '')
            .split('\n')
            .slice(0, whole === '' ? 0 : undefined),
        );
        expect(lines.map(({ number }) => number)).toEqual(lines.map((_, i) => i + 1));
      }),
    );
  });

  it('are refused where one does not fit into memory', async () => {
    await expect(collect(linesOf(inBlocks(`ab\n${'c'.repeat(40)}`, 10), 'data: x', 20))).rejects.toThrow(
      'data: x: line 2 has more than 20 characters',
    );
  });
});

describe('several documents in a text file', () => {
  const source = (read: DocumentSource['read']): DocumentSource => ({ isTokenised: false, read });
  const inlineRemark = 'data: end tokens inside lines are read as text (--separator names what divides documents): 1';

  it('are divided at lines with an end token, and that is said', async () => {
    expect(await read('.txt', 'one\ntwo\n<|endoftext|>\nthree\n<|endoftext|>\r\n<|endoftext|>\nfour')).toEqual({
      documents: ['one\ntwo\n', 'three\n', 'four'],
      remarks: ['data: lines with an end token divide documents: 3'],
    });
  });

  it('are not divided at what only looks like one, but that is said', async () => {
    const text = 'The token <|endoftext|> ends a text.\n';
    expect(await read('.md', text)).toEqual({ documents: [text], remarks: [inlineRemark] });
  });

  it('are divided wherever the separator stands that is asked for', async () => {
    const options = { documentSeparator: '<|endoftext|>' };
    expect((await read('.txt', 'one<|endoftext|>two\n<|endoftext|>', options)).documents).toEqual(['one', 'two\n']);
    expect(await read('.txt', 'one', { documentSeparator: '\n---\n' })).toEqual({
      documents: ['one'],
      remarks: ['data: files without a separator are one document each: 1'],
    });
  });

  it('property: are the same in blocks of any length', () => {
    const part = fc.constantFrom('a', '\n', '<|endoftext|>', '</s>', '<|endof', 'text|>', '---', '-');
    return fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 17 }), fc.integer({ min: 1, max: 9 }), async (parts, block) => {
        const text = parts.join('');
        const atTokens = (length: number) =>
          documentsOf(source((remarks) => divideAtEndTokens(inBlocks(text, length), 'x', remarks)));
        const atDashes = (length: number) =>
          documentsOf(source((remarks) => divideAt('---', inBlocks(text, length), 'x', remarks)));
        expect(await atTokens(block)).toEqual(await atTokens(1000));
        expect(await atDashes(block)).toEqual(text.split('---').filter((each) => each.trim() !== ''));
      }),
    );
  });
});
