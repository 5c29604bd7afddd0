/**
 * An error its reader can do something about: bad input, a missing file, an impossible setting. The message says where,
 * what was expected, what was found, and a fix. The command line prints it without a stack trace; anything else that is
 * thrown is a bug of ours.
 */
export class UserError extends Error {
  override name = 'UserError';
}
