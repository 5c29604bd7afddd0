// Which names the server answers to.
//
// The owner of a name can let it lead to any address, also to this machine's (DNS rebinding). A page under such a name
// then counts, in the browser, as the server's own page: CORS does not keep it out. But its requests carry that name,
// in `Host` and in `Origin`, and a page can forge neither.

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { UserError } from '../errors.ts';
import { ApiError } from './api-error.ts';

/** Decides whether a name, in lower case and without a port, is one of the server's. */
export type AllowedHosts = (name: string) => boolean;

/**
 * The names of a server: `localhost` and names below it, IP addresses (which nobody can let lead elsewhere), the name
 * it listens on, the name of this machine, and those of the user; `*` among these allows any.
 *
 * @throws UserError for something that is no name.
 */
export function allowedHosts(listensOn: string, ofUser: readonly string[]): AllowedHosts {
  if (ofUser.includes('*')) return () => true;
  const machine = hostname().toLowerCase();
  const names = new Set([listensOn.toLowerCase(), machine, `${machine.split('.')[0]}.local`, ...ofUser.map(checkName)]);
  return (name) => isIP(name) !== 0 || /^(.+\.)?localhost$/.test(name) || names.has(name);
}

function checkName(text: string): string {
  const name = hostOf(`http://${text}`);
  if (name !== null && name === text.toLowerCase()) return name;
  const found = JSON.stringify(text);
  throw new UserError(`--allowed-host: expected a name such as box.example, without a port, or *; found ${found}`);
}

/** The host of a URL, in lower case, without port, brackets and final dot; null if it has none. */
function hostOf(url: string): string | null {
  try {
    const { hostname: host, username, password } = new URL(url);
    const isPlain = host !== '' && username === '' && password === '';
    return isPlain ? host.replace(/^\[|\]$/g, '').replace(/\.$/, '') : null;
  } catch {
    return null;
  }
}

/**
 * Refuses a request that was sent to another name, or by a page of another name.
 *
 * A request without `Host` (HTTP/1.0) or `Origin` is not of a page that sends to a foreign name.
 *
 * @throws ApiError 403
 */
export function checkHosts({ host, origin }: IncomingHttpHeaders, isAllowed: AllowedHosts): void {
  if (host !== undefined) check('Host', host, hostOf(`http://${host}`), isAllowed);
  if (origin !== undefined) check('Origin', origin, hostOf(origin), isAllowed);
}

function check(header: string, value: string, name: string | null, isAllowed: AllowedHosts): void {
  if (name !== null && isAllowed(name)) return;
  const remedy = name === null ? '' : `; if it is, start it with --allowed-host ${name}`;
  throw new ApiError(403, `${header} ${JSON.stringify(value.slice(0, 100))} is not a name of this server${remedy}.`, {
    code: 'host_not_allowed',
  });
}
