// Texts that are hard on tokenizers, for fast-check.

import fc from 'fast-check';

const hardPieces = [
  ...[' ', '  ', '\n', '\r\n', '\n\n', '\t', '\u00a0', '\u3000', '\ufeff', '\u0085', '\u2028'],
  ...["'s", "'LL", 'don’t', '...', ');\n', '!?\n\n', '#if', '.5', '_x', 'x_y'],
  ...['12345', '1234567', '٣٤', '½', 'Ⅷ', 'é', 'e\u0301', 'Éa', 'ẞ', 'ß'],
  ...['鲸鱼', 'クジラ', '고래', 'кит', 'לוויתן', 'व्हेल', '🐳', '👩‍👩‍👧', '\u200d', '\ufffd', '\u0000', '\u007f'],
  ...['<｜end▁of▁sentence｜>', '<｜fim▁hole｜>', '<|endoftext|>', 'Ġthe', '▁the', 'whale', ' whale', 'the', 'THE'],
];

/** Well-formed Unicode: hard pieces, words and arbitrary characters in any order. */
export const hardText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...hardPieces),
      fc.string({ unit: 'grapheme', maxLength: 11 }),
      fc.stringMatching(/^[a-z]{1,7} [A-Z][a-z]{1,5}[,.!]?$/),
    ),
    { maxLength: 17 },
  )
  .map((pieces) => pieces.join(''));
