// HTML with escaping as the default: what a template interpolates is text, unless it is already `Html`.

/** A piece of finished HTML. */
export class Html {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** What a template may interpolate; null is nothing. */
export type Content = string | number | Html | null | readonly Content[];

/** Template tag: ``html`<p>${text}</p>` `` escapes `text`; nested `Html` and arrays of it stay as they are. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(toSource)));
}

function toSource(content: Content): string {
  if (content === null) return '';
  if (content instanceof Html) return content.source;
  if (typeof content === 'object') return content.map(toSource).join('');
  return escapeHtml(String(content));
}

/** Escapes for element content and quoted attributes; control characters, which HTML forbids, become U+FFFD. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']|[^\P{Cc}\t\n\r]/gu, (character) => entities[character] ?? '\uFFFD');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** JSON for a `<script type="application/json">` element, which nothing inside it can close. */
export function jsonScript(value: unknown): Html {
  const json = JSON.stringify(value).replaceAll('<', '\\u003c');
  return new Html(`<script type="application/json">${json}</script>`);
}
