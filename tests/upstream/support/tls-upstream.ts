import type net from 'node:net';
import tls from 'node:tls';

import { listen, type RawUpstream } from './raw-upstream';

/** Like `listen`, with TLS. Its certificate is self-signed, so this process accepts any certificate until `close`. */
export async function listenTls(serve: (socket: net.Socket) => void): Promise<RawUpstream> {
  const upstream = await listen(serve, (take) => tls.createServer({ key, cert }, take));
  const { connect } = tls;
  tls.connect = ((options: tls.ConnectionOptions) =>
    connect({ ...options, rejectUnauthorized: false })) as typeof connect;
  return {
    ...upstream,
    url: upstream.url.replace('http:', 'https:'),
    async close() {
      tls.connect = connect;
      await upstream.close();
    },
  };
}

/** A key for these tests only: `openssl req -x509 -newkey ec -nodes -days 36500 -subj /CN=localhost`. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmTgblgsfRC9Pi+4W
KRY7Dl9AQZGiaIE9QYMoZM1vdOehRANCAATccgAk54ja5qr+lubrrZarrHRtwfFb
iEczoycx4DUDjFt3AfatvYrz92ShNz2oLQAGz2GHqmydtF3V/d9vLsVD
-----END PRIVATE KEY-----`;

const cert = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUCr7DKYLjjuGeZbJ1UTtgKLGvIEIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEyNDkwM1oYDzIxMjYxMDI5
MTI0OTAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATccgAk54ja5qr+lubrrZarrHRtwfFbiEczoycx4DUDjFt3AfatvYrz
92ShNz2oLQAGz2GHqmydtF3V/d9vLsVDo1MwUTAdBgNVHQ4EFgQU/kZjlIm+glun
Vnu73pHfOWzUq3QwHwYDVR0jBBgwFoAU/kZjlIm+glunVnu73pHfOWzUq3QwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAD7lIYnuO+n3z1uRcyF69Q
RXYt4Olvx6uk3YnTI6uMVAIhALoYKYl+KY9+6qDElKbow824YZz6nCf44i///5wZ
YXlE
-----END CERTIFICATE-----`;
