// `chars`: one token for each character that occurs.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDataset } from '../../src/data/dataset.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { pythonWithTransformers, runPython } from '../interop/python.ts';
import { tempFolder } from './temp-folder.ts';
import '../../src/node.ts';

const chars = (...texts: string[]) => createTokenizer('chars', () => texts);

describe('the tokenizer chars', () => {
  it('has a token for each character that occurs, in order, and 5 special ones', async () => {
    const tokenizer = await chars('ab:', 'b=1');
    expect(tokenizer).toMatchObject({ name: 'chars', vocabSize: 10, bosTokenId: 5, eosTokenId: 6 });
    expect(Array.from(tokenizer.encode('1:=ab'))).toEqual([0, 1, 2, 3, 4]);
    expect(tokenizer.decode([4, 6, 0])).toBe('b1');
  });

  it('property: a character is one token, of however many bytes, and texts come back exactly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), async (text) => {
        const tokenizer = await chars(text);
        const again = tokenizerFromHuggingFace(JSON.parse(JSON.stringify(tokenizer.toHuggingFace())));
        const ids = tokenizer.encode(text);
        expect(ids.length).toBe(Array.from(text).length);
        expect(new Set(ids).size).toBe(new Set(text).size);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(again.encode(text)).toEqual(ids);
      }),
    );
  });

  it.each(['from the text', 'from its tokenizer.json'])(
    'names a character that it does not know: %s',
    async (where) => {
      const made = await chars('0123456789ab*:=é');
      const tokenizer = where === 'from the text' ? made : tokenizerFromHuggingFace(made.toHuggingFace());
      expect(() => tokenizer.encode('0b+a:')).toThrow(UserError);
      expect(() => tokenizer.encode('0b+a:')).toThrow(
        'there is no token for "+"; this vocabulary has only the characters',
      );
      expect(() => tokenizer.encode('0b+a:')).toThrow('"*0123456789:=abé"');
      expect(() => tokenizer.encode('ü')).toThrow('no token for "ü"');
    },
  );

  it('takes no size, and needs a text', async () => {
    await expect(createTokenizer('chars:9', () => [])).rejects.toThrow(/chars takes no size; write chars/);
    await expect(chars()).rejects.toThrow(/chars needs a text/);
    const far = String.fromCodePoint(...Array.from({ length: 16_385 }, (_, i) => 0x4e00 + i));
    await expect(chars(far)).rejects.toThrow(/16385 different characters.*use bytes/);
  });

  it('knows the characters of the held-out text as well', async () => {
    const documents = [...Array.from({ length: 40 }, (_, i) => `${i} whales\n`), 'Q\n'];
    const options = { documents, tokenizer: 'chars', seqLen: 7, heldOutFraction: 0.2 };
    for (const seed of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const { tokenizer } = await createDataset({ ...options, seed });
      expect(tokenizer.encode('Q').length).toBe(1);
    }
  });

  const python = pythonWithTransformers();
  it.skipIf(python === null)('interop: transformers gives the same ids, and refuses the same characters', async () => {
    const texts = ['0b*bb*aa:2791890=0', 'é€😀aé'];
    const tokenizer = await chars(...texts);
    const path = tempFolder().write('tokenizer.json', JSON.stringify(tokenizer.toHuggingFace()));
    const { ids, refused } = JSON.parse(runPython(python!, 'encode.py', [path, ...texts, 'x']));
    expect(ids).toEqual(texts.map((text) => Array.from(tokenizer.encode(text))));
    expect(refused).toEqual(['x']);
  });
});
