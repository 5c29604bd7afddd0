// Errors in the shape of the OpenAI API: `{"error": {"message", "type", "param", "code"}}`.

import { UserError } from '../errors.ts';

export interface ApiErrorDetails {
  /** The parameter that is wrong, such as `messages[0].content`. */
  readonly param?: string | null;
  /** A short name of the problem, for programs. */
  readonly code?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is an error: its status and body. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly details: ApiErrorDetails;

  constructor(status: number, message: string, details: ApiErrorDetails = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }

  get body(): object {
    const type =
      this.status >= 500 ? 'server_error' : this.status === 429 ? 'rate_limit_error' : 'invalid_request_error';
    const { param = null, code = null } = this.details;
    return { error: { message: this.message, type, param, code } };
  }
}

/** A parameter that cannot be used. */
export function invalidParameter(param: string | null, message: string, code: string | null = null): ApiError {
  return new ApiError(400, message, { param, code });
}

/** What a client is told of any error; a bug of ours stays unexplained, its stack is for the log. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof UserError) return new ApiError(400, error.message);
  return new ApiError(500, 'The server failed; its log says how.', { code: 'internal_error' });
}

/** The client is gone: nobody is left to be answered. */
export class ClientGone extends Error {
  override name = 'ClientGone';
  override message = 'the client is gone';
}
