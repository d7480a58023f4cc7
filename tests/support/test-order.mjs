import Sequencer from '@jest/test-sequencer';

/**
 * Decides which project's files run first. The setup of `history` starts the servers of all projects at the same time,
 * and Jest runs the setup of the first file first. The files of `core` come last: most of them take less than a second,
 * so all workers end together. Jest itself knows how long a file takes only after the first run.
 */
export default class TestOrder extends Sequencer {
  sort(tests) {
    const placeOf = ({ context }) => ({ history: 0, core: 2 })[context.config.displayName?.name] ?? 1;
    return super.sort(tests).sort((one, other) => placeOf(one) - placeOf(other));
  }
}
