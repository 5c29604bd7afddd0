// A content security policy for a page, in the page itself, so that it holds on any static host.

import { createHash } from 'node:crypto';

const inlineScript = /<script(?![^>]*\bsrc=)[^>]*>(.*?)<\/script>/gs;

/**
 * The page with a policy at the beginning of its head: nothing is loaded from another origin, and of the scripts that
 * stand in the page, those that stand there now are the ones that run.
 */
export function withPolicy(html: string): string {
  const hashes = [...html.matchAll(inlineScript)].map(
    ([, script]) => `'sha256-${createHash('sha256').update(script!).digest('base64')}'`,
  );
  const policy = [
    "default-src 'none'",
    `script-src ${["'self'", ...new Set(hashes)].join(' ')}`,
    // Colours of highlighted code are style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    // The reference unpacks its index from a data address.
    "connect-src 'self' data:",
    ...["worker-src 'self'", "frame-src 'self'", "form-action 'none'", "base-uri 'self'"],
  ].join('; ');
  const charset = /<meta charset="?utf-8"?\s*\/?>/i;
  if (!charset.test(html)) throw new Error('a page does not say its character set');
  // Without an icon of its own, a page asks the host for one that is not there.
  const icon = /<link[^>]*rel="icon"/.test(html) ? '' : '<link rel="icon" href="data:,">';
  return html.replace(
    charset,
    (meta) => `${meta}<meta http-equiv="Content-Security-Policy" content="${policy}">${icon}`,
  );
}
