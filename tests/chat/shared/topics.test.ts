import { createTopics } from '../../../src/chat/shared/topics';

describe('createTopics', () => {
  it('publishes to every listener of a topic in the order of subscription, and to no other listener', () => {
    const topics = createTopics<number>();
    const heard: string[] = [];
    topics.subscribe('a', (value) => heard.push(`first ${value}`));
    topics.subscribe('a', (value) => heard.push(`second ${value}`));
    topics.subscribe('b', (value) => heard.push(`other ${value}`));
    topics.publish('a', 1);
    topics.publish('nobody', 2);
    expect(heard).toEqual(['first 1', 'second 1']);
  });

  it('publishes nothing to a listener that has left, and keeps the others', () => {
    const topics = createTopics<number>();
    const heard: string[] = [];
    const leave = topics.subscribe('a', () => heard.push('left'));
    const stay = topics.subscribe('a', () => heard.push('stays'));
    leave();
    leave();
    topics.publish('a', 1);
    stay();
    topics.publish('a', 2);
    topics.subscribe('a', () => heard.push('new'));
    leave();
    topics.publish('a', 3);
    expect(heard).toEqual(['stays', 'new']);
  });

  it('treats a listener that subscribes twice as two listeners', () => {
    const topics = createTopics<number>();
    let times = 0;
    const listener = () => (times += 1);
    const leave = topics.subscribe('a', listener);
    topics.subscribe('a', listener);
    leave();
    topics.publish('a', 1);
    expect(times).toBe(1);
  });
});
