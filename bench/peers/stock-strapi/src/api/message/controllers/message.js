const axios = require('axios');
const { createCoreController } = require('@strapi/strapi').factories;

/** Strapi's factories, its Document Service and an axios stream: what its documentation and common answers lead to. */
module.exports = createCoreController('api::message.message', ({ strapi }) => ({
  /** Core `find` with the one line that keeps users apart. */
  async find(ctx) {
    await this.validateQuery(ctx);
    const query = await this.sanitizeQuery(ctx);
    const { results, pagination } = await strapi.service('api::message.message').find({
      ...query,
      filters: { $and: [query.filters ?? {}, { user: ctx.state.user.id }] },
      populate: { session: true, character: true },
    });
    return this.transformResponse(await this.sanitizeOutput(results, ctx), { pagination });
  },

  async ask(ctx) {
    const { character_id, query } = ctx.request.body.data;
    const user = ctx.state.user;
    const character = await strapi
      .documents('api::character.character')
      .findOne({ documentId: character_id });
    if (!character) return ctx.notFound();
    const session = await strapi
      .documents('api::session.session')
      .create({ data: { character: character.documentId, user: user.id } });
    const common = { query, session: session.documentId, character: character.documentId, user: user.id };
    await strapi.documents('api::message.message').create({ data: { ...common, role: 'user' } });

    const { data: stream } = await axios.post(
      `${process.env.DIFY_API_URL}/v1/chat-messages`,
      { query, inputs: { prompt: character.prompt }, user: user.documentId, response_mode: 'streaming' },
      { responseType: 'stream', headers: { Authorization: `Bearer ${process.env.DIFY_API_KEY}` } },
    );
    ctx.respond = false;
    ctx.res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    await relay(stream, ctx.res, async ({ answer, end }) => {
      await strapi.documents('api::message.message').create({
        data: {
          ...common,
          role: 'assistant',
          answer,
          conversation_id: end.conversation_id,
          usage: end.metadata.usage,
        },
      });
    });
  },
}));

/** Each event in a write of its own, as it comes; the answer is saved before its end is told. */
async function relay(stream, res, save) {
  let buffer = '';
  let answer = '';
  const write = (event) => res.write(`data: ${JSON.stringify(event)}\n\n`);
  for await (const chunk of stream.setEncoding('utf8')) {
    buffer += chunk;
    const frames = buffer.split('\n\n');
    buffer = frames.pop();
    for (const frame of frames) {
      if (!frame.startsWith('data: ')) continue;
      const event = JSON.parse(frame.slice(6));
      if (event.event === 'message') answer += event.answer;
      if (event.event === 'message_end') await save({ answer, end: event });
      write(event);
    }
  }
  res.end();
}
