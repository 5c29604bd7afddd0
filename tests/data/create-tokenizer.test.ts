import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const noTexts = () => {
  throw new Error('asked for training texts');
};

describe('createTokenizer', () => {
  it('asks for training texts only to train', async () => {
    await expect(createTokenizer('bytes', noTexts)).resolves.toMatchObject({ vocabSize: 261 });
    await expect(createTokenizer('bpe:300', noTexts)).rejects.toThrow('asked for training texts');
  });

  it('reads a tokenizer.json by path, with and without file:', async () => {
    const bytes = await createTokenizer('bytes', noTexts);
    const path = folder.write('tokenizer.json', JSON.stringify(bytes.toHuggingFace()));
    for (const spec of [path, `file:${path}`]) {
      const tokenizer = await createTokenizer(spec, noTexts);
      expect(tokenizer.name).toBe(spec);
      expect(Array.from(tokenizer.encode('Ahab'))).toEqual([65, 104, 97, 98]);
    }
  });

  it('keeps the tokens whose names are those of object properties', async () => {
    const text = '__proto__ constructor toString '.repeat(50);
    const tokenizer = await createTokenizer('bpe-deepseek:281', () => [text]);
    const path = folder.write('proto/tokenizer.json', JSON.stringify(tokenizer.toHuggingFace()));
    expect((await createTokenizer(path, noTexts)).encode(text)).toEqual(tokenizer.encode(text));
  });

  it.each([
    ['byte', /unknown tokenizer "byte"; did you mean "bytes"/],
    ['o200k:512', /did you mean "o200k_base"/],
    ['bpe', /needs a vocabulary size; try bpe:1024/],
    ['bpe:1k', /expected a whole number after the colon, found "1k"/],
    ['bpe:', /expected a whole number/],
    ['bytes:300', /bytes takes no size/],
    ['r50k_base:255', /between 256 and 50256 ranks/],
    ['r50k_base:60000', /between 256 and 50256 ranks/],
    ['bpe:1:2', /unknown tokenizer/],
    ['constructor', /unknown tokenizer/],
    ['file:no/such/file', /cannot read no\/such\/file/],
    ['no/such.json', /cannot read no\/such\.json/],
    [folder.write('broken.json', '{"model": '), /broken\.json is not JSON/],
    [folder.write('other.json', '{"hidden_size": 64}'), /not a Hugging Face tokenizer\.json: model/],
  ])('refuses %s and says what to write', async (spec, message) => {
    const attempt = createTokenizer(spec, noTexts);
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(message);
  });
});
