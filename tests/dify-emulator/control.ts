import type { Behaviour, Behaviours } from './behaviours';
import { toBehaviour } from './behaviours';
import { faults } from './faults';
import { isRecord, type RecordedRequest } from './requests';
import type { HttpAnswer } from './wire';

/** The state that another process may read and change. */
export type Control = { readonly behaviours: Behaviours; readonly requests: RecordedRequest[] };

export function isControl(pathname: string): boolean {
  return pathname.startsWith('/__emulator/');
}

/**
 *   POST /__emulator/faults    { "next": "stall" }, { "next": { "name": "stall", "after": 1 } }, { "always": … }
 *   GET  /__emulator/faults    all faults: names, descriptions, parameters
 *   GET  /__emulator/requests  the requests that Dify received
 *   POST /__emulator/reset     clears queued faults and requests, keeps conversations
 */
export function answerControl(control: Control, request: RecordedRequest, pathname: string): HttpAnswer {
  const { behaviours, requests } = control;
  switch (`${request.method} ${pathname}`) {
    case 'POST /__emulator/faults':
      return setFaults(behaviours, request.body);
    case 'GET /__emulator/faults':
      return {
        status: 200,
        json: Object.entries(faults).map(([name, { does, params }]) => ({ name, does, params })),
      };
    case 'GET /__emulator/requests':
      return { status: 200, json: requests };
    case 'POST /__emulator/reset':
      behaviours.clear();
      requests.length = 0;
      return { status: 200, json: { result: 'success' } };
    default:
      return { status: 404, json: { error: `The emulator has no route ${request.method} ${pathname}` } };
  }
}

function setFaults(behaviours: Behaviours, body: unknown): HttpAnswer {
  const { next, always } = isRecord(body) ? body : {};
  if (next === undefined && always === undefined) {
    return {
      status: 400,
      json: { error: 'Expected a body like { "next": "stall" } or { "always": "stall" }' },
    };
  }
  try {
    const nextBehaviour = next === undefined ? undefined : toBehaviour(next);
    const standing: Behaviour | undefined = always === undefined ? undefined : toBehaviour(always);
    if (nextBehaviour) behaviours.add(nextBehaviour);
    if (standing) behaviours.keep(standing);
    return { status: 200, json: { result: 'success' } };
  } catch (error) {
    return { status: 400, json: { error: error instanceof Error ? error.message : String(error) } };
  }
}
