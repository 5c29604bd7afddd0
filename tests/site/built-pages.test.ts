// What is done to the pages that the generator has made: a policy in each, and every link followed.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { brokenLinks } from '../../tools/site/check-links.ts';
import { withPolicy } from '../../tools/site/policy.ts';

describe('the policy of a page', () => {
  const page = (body: string) => `<html><head><meta charset="utf-8"><title>x</title></head><body>${body}</body></html>`;

  it('allows the scripts that stand in it, by their hashes, and none but its own origin for all else', () => {
    const html = withPolicy(page('<script id="a">one()</script><script type="module" src="/b.js"></script>'));
    const hash = createHash('sha256').update('one()').digest('base64');
    const policy = /content="([^"]*)"/.exec(html)![1]!;
    expect(policy).toContain(`script-src 'self' 'sha256-${hash}';`);
    expect(policy.match(/sha256/g)).toHaveLength(1);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<title>'));
  });

  it('needs a page with a character set', () => {
    expect(() => withPolicy('<html></html>')).toThrow('character set');
  });
});

describe('the links of a site', () => {
  let folder: string;
  afterEach(() => rmSync(folder, { recursive: true }));

  function check(files: Readonly<Record<string, string>>, base = '/'): string[] {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-links-'));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return brokenLinks(folder, base).map(({ page, link }) => `${page} ${link}`);
  }

  it('are fine where they lead to files, to places in pages, and elsewhere', () => {
    const links = ['/docs/', 'b.html', './b.html#caf%C3%A9', '/docs/#top', 'https://a.b/c', '#here', 'data:,', 'x.png'];
    const anchors = links.map((link) => `<a class="x" href="${link}">a</a>`).join('');
    expect(
      check({
        'a.html': `<h1 id="here">A</h1>${anchors}`,
        ...{ 'b.html': '<h2 id="café">B</h2>', 'docs/index.html': '<p id="top">', 'x.png': '' },
      }),
    ).toEqual([]);
  });

  it('are found where a page, a place in a page, or a picture is missing', () => {
    const found = check({
      'a.html': '<a href="/b">b</a><a href="c.html#nowhere">c</a><img src="p.png"><a href="#gone">d</a>',
      'c.html': '<p>c</p>',
    });
    expect(found).toEqual(['a.html /b', 'a.html c.html#nowhere', 'a.html p.png', 'a.html #gone']);
  });

  it('have to stay below the base of the site', () => {
    const found = check({ 'a.html': '<a href="/tiny/a.html">a</a><a href="/a.html">b</a>' }, '/tiny/');
    expect(found).toEqual(['a.html /a.html']);
  });
});
