// Chat templates of strangers: a prompt, or one UserError.

import { mkdirSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { UserError } from '../../src/errors.ts';
import { templateFormat } from '../../src/generate/chat/chat-template.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { useTempFolder } from '../io/helpers.ts';

const path = useTempFolder();
const tokenizer = createBytesTokenizer();

/** What templates are made of, so that most of them can at least be read. */
const pieces = fc.constantFrom(
  ...[
    '{% for m in messages %}',
    '{% endfor %}',
    '{% if m.role == "user" %}',
    '{% else %}',
    '{% endif %}',
    '{{ m.content }}',
  ],
  ...[
    '{% set x = messages %}',
    '{{ x }}',
    '{{ x | length }}',
    '{{ x[0] }}',
    '{{ x["content"] ~ 1 }}',
    '{{ range(9) }}',
  ],
  ...[
    '{{ bos_token * 3 }}',
    '{{ none.a.b }}',
    '{{ raise_exception(1) }}',
    '{% macro f(a) %}{{ f(a) }}{% endmacro %}{{ f(1) }}',
  ],
  ...[
    '{#',
    '#}',
    '{{',
    '}}',
    '{%',
    '%}',
    '-',
    ' ',
    '\n',
    'text',
    '{{ constructor }}',
    '{{ x.constructor.name }}',
    '{{ 1 / 0 }}',
  ],
);

describe('a chat template', () => {
  it('property: of any pieces gives a prompt or a UserError', async () => {
    mkdirSync(path('model'));
    writeFileSync(path('model', 'config.json'), '{}');
    const files = { chatTemplate: '', bosToken: '<s>', eosToken: '</s>', addBosToken: false, isForeign: false };
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 9 }), async (words) => {
        try {
          const { encode } = await templateFormat(tokenizer, words.join(''), files);
          await encode([{ role: 'user', content: 'Hi' }]);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});
