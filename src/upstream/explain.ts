import { z } from 'zod';

import { ChatError } from '../chat/errors';
import type { UpstreamKind } from '../chat/model/character';

const addresses: Readonly<Record<UpstreamKind, string>> = {
  dify: 'DIFY_API_URL',
  'dify-console': 'DIFY_CONSOLE_URL',
  openai: 'OPENAI_BASE_URL',
};

const causeSchema = z
  .object({
    transportCode: z.string().optional(),
    upstreamStatus: z.number().optional(),
    upstreamCode: z.string().optional(),
    remedy: z.string().optional(),
  })
  .catch({});

/** Node's codes for a certificate that is not accepted, and for a server that does not speak TLS. */
const tls =
  /^(CERT_|DEPTH_ZERO_|EPROTO$|ERR_SSL_|ERR_TLS_|HOSTNAME_MISMATCH$|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY))/u;

/** Says why an upstream could not be checked, and what to do. The text contains no key and no text of the upstream. */
export function explainFailure(error: unknown, kind: UpstreamKind): string {
  const variable = addresses[kind];
  if (!(error instanceof ChatError)) return 'The check failed. Report this with the log of the server.';
  const { transportCode = '', upstreamStatus = 200, upstreamCode, remedy } = causeSchema.parse(error.cause);
  if (remedy !== undefined) return remedy;
  if (error.code === 'database-unavailable')
    return (
      "The database cannot be read or written, so nobody logs in to Dify's console. " +
      'It may have a refused login, and Dify locks an account after five. Check the database.'
    );
  if (error.code === 'upstream-unreachable') return explainTransport(transportCode, variable);
  if (error.code === 'upstream-timeout')
    return `The server in ${variable} does not answer in time. Check the address, the firewalls and its load.`;
  if (error.code === 'upstream-busy')
    return `The server in ${variable} is overloaded (status ${upstreamStatus}). Check it again later.`;
  if (error.code === 'upstream-failed')
    return `The server in ${variable} fails (status ${upstreamStatus}). Read its log, and that of its proxy.`;
  if (error.code === 'upstream-malformed' || upstreamCode === 'unknown')
    return (
      `The address in ${variable} is not that of the API: something else answers (status ${upstreamStatus}), ` +
      'e.g. a proxy or a login page. Correct the address, or let this server pass.'
    );
  return `The server in ${variable} refuses the check (status ${upstreamStatus}). Read its log.`;
}

function explainTransport(code: string, variable: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The name of the server in ${variable} is unknown (${code}). Correct the name, or the DNS of this machine.`;
  if (code === 'ECONNREFUSED')
    return `No server listens at the address in ${variable} (${code}). Start it, or correct the host and the port.`;
  if (tls.test(code))
    return (
      `The TLS of the server in ${variable} is not accepted (${code}). ` +
      'Correct http or https, or its certificate. NODE_EXTRA_CA_CERTS adds a certificate of your own.'
    );
  const reason = code === '' ? '' : ` (${code})`;
  return `The server in ${variable} cannot be reached${reason}. Check the address and the network.`;
}
