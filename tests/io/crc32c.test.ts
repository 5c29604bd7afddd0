import { describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../src/io/crc32c.ts';

describe('crc32c', () => {
  it('golden: gives the values of RFC 3720 appendix B.4 and the usual check value', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index))).toBe(0x113fdb5c);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });
});

describe('maskedCrc32c', () => {
  it('rotates right by 15 and adds the constant of TFRecord', () => {
    // By hand: 0xe3069283 >>> 15 = 0x1c60d, << 17 = 0x25060000; sum of both and 0xa282ead8 is 0xc78ab0e5.
    expect(maskedCrc32c(Buffer.from('123456789'))).toBe(0xc78ab0e5);
  });
});
