// A file of the repository as a page of its own, which needs neither scripts nor the generator.

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @param home address of the site's first page, seen from this one */
export function sourcePage(file: string, code: string, home: string): string {
  return `<!doctype html>
<html lang="en-GB">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escaped(file)} | TinySeek</title>
    <link rel="icon" href="data:," />
    <style>
      html { background: Canvas; color: CanvasText; }
      body { margin: 0 auto; max-width: 122ch; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; }
      pre { overflow-x: auto; font-size: 14px; tab-size: 2; }
      h1 { font-size: 1.25rem; overflow-wrap: anywhere; }
    </style>
  </head>
  <body>
    <nav><a href="${home}">TinySeek</a></nav>
    <main>
      <h1>${escaped(file)}</h1>
      <pre tabindex="0"><code>${escaped(code)}</code></pre>
    </main>
  </body>
</html>
`;
}
