import { z } from 'zod';

const form =
  'must be the address of a Redis server, e.g. redis://user:password@host:6379/0, or rediss://… for TLS';

/** The address of Redis. A problem never quotes it, because it can contain a password. */
export const redisUrl = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, hash, search } = new URL(text);
  return (
    ['redis:', 'rediss:'].includes(protocol) &&
    hostname !== '' &&
    /^\/?\d{0,4}$/u.test(pathname) &&
    hash + search === ''
  );
}, form);
