import { describe, expect, it } from 'vitest';
import { markdownTexts } from '../../src/experiments/markdown-text.ts';

describe('markdownTexts', () => {
  it('makes plain text of HTML, links, code and line breaks, wherever it is', () => {
    const title = 'a <img src=x onerror=alert(1)>\n\n# b [c](javascript:d) `e` & f';
    expect(markdownTexts({ title, arms: [{ label: '<b>', seeds: 3, found: null }] })).toEqual({
      title: 'a &lt;img src=x onerror=alert(1)> # b \\[c\\](javascript:d) \\`e\\` &amp; f',
      arms: [{ label: '&lt;b>', seeds: 3, found: null }],
    });
  });

  it('keeps code within its quotes', () => {
    expect(markdownTexts({ changes: ['data=`<script>`'] })).toEqual({ changes: ["data='<script>'"] });
  });
});
