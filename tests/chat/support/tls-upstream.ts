import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';

export interface TlsUpstream {
  readonly url: string;
  readonly apiKey: string;
  close(): Promise<void>;
}

/**
 * An upstream behind TLS: `serve` gets each connection once a request has begun. Nobody vouches for its certificate, so
 * until it is closed this process takes any.
 */
export async function listenTls(serve: (socket: tls.TLSSocket) => void): Promise<TlsUpstream> {
  const sockets = new Set<tls.TLSSocket>();
  const server = tls.createServer({ key, cert }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => serve(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { connect } = tls;
  tls.connect = ((options: tls.ConnectionOptions) =>
    connect({ ...options, rejectUnauthorized: false })) as typeof connect;
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    apiKey: 'app-tls',
    close: async () => {
      tls.connect = connect;
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Made for these tests, and good for nothing else: `openssl req -x509 -newkey ec -nodes -days 36500 -subj /CN=localhost`. */
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
