// Links of a page of Markdown, rewritten for the site.

/** Code, which has no links, or the target of a link or a picture. */
const codeOrTarget = /^(`{3,})[^\n]*\n.*?^\1`*[ \t]*$|(`+)[^`].*?(?<!`)\2(?!`)|(?<=\])\(([^()\s]+)\)/gms;

/** The text with the target of every relative link replaced. */
export function rewriteLinks(text: string, rewrite: (target: string) => string): string {
  return text.replace(codeOrTarget, (all: string, _fence, _span, target: string | undefined) =>
    target === undefined || /^(https?:|mailto:|\/)/.test(target) ? all : `(${rewrite(target)})`,
  );
}
