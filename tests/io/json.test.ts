import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { duplicateKey, parseJsonObject, showJson } from '../../src/io/json.ts';

describe('duplicateKey', () => {
  it('finds a key that occurs twice in one object, however it is escaped', () => {
    expect(duplicateKey('{"a":1,"b":{"c":2,"c":3}}')).toBe('c');
    expect(duplicateKey('{"a" : 1, "\\u0061" : 2}')).toBe('a');
    expect(duplicateKey('[{"a":1},{"b":[{"x\\"":0},{"x\\"":0,"x\\"":1}]}]')).toBe('x"');
  });

  it('allows the same key in different objects, and the same text as a value', () => {
    expect(duplicateKey('{"a":{"a":"a"},"b":["a","a"],"c":"{\\"a\\":1,\\"a\\":2}"}')).toBeNull();
  });

  it('property: no JSON that was written from a value has one', () => {
    fc.assert(fc.property(fc.json(), (text) => duplicateKey(text) === null));
  });
});

describe('parseJsonObject', () => {
  it('says what it found in place of an object', () => {
    const parse = (text: string) => () => parseJsonObject(Buffer.from(text), 'here');
    expect(parse('[1,[2]]')).toThrow(new UserError('here: expected a JSON object, found [1,[...]]'));
    expect(parse('null')).toThrow('found null');
    expect(parse('{"a":')).toThrow(/here: expected JSON: /);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseJsonObject(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 'here')).toThrow('not UTF-8');
  });
});

describe('showJson', () => {
  it('stays short and shallow', () => {
    expect(showJson({ a: 1 })).toBe('{...}');
    expect(showJson(undefined)).toBe('nothing');
    expect(showJson([1, 'b', {}, null, 5, 6, 7, 8, 9])).toBe('[1,"b",{...},null,5,6,7,8,...]');
  });
});
